import { type Contender, DAEMONS } from './contenders.ts';
import type { Cores } from './cores.ts';
import { cpuMicroseconds } from './process-cost.ts';
import { interleaved, type Measurement, rowsOf } from './row.ts';
import { started } from './running.ts';

const ROUNDS = 15;

/** The duration of a start, and the time to the first credential. */
export function startMeasurement(contenders: readonly Contender[], cores: Cores | undefined): Measurement {
  const able = contenders.filter(({ name }) => DAEMONS.includes(name));
  return {
    key: 'start',
    rounds: ROUNDS,
    measure: async (rounds) => {
      const answering = new Map(able.map(({ name }) => [name, [] as number[]]));
      const cpu = new Map(able.map(({ name }) => [name, [] as number[]]));
      const listening = await interleaved(able, rounds, async (contender) => {
        const running = await started(contender, cores?.server);
        cpu.get(contender.name)?.push(cpuMicroseconds(running.pid) / 1_000);
        await running.stop();
        answering.get(contender.name)?.push(running.answeringMs);
        return running.listeningMs;
      });
      return [
        ...rowsOf('start until it listens', 'ms', listening),
        ...rowsOf('start until the first credentials', 'ms', answering),
        ...rowsOf('start until the first credentials: CPU', 'ms CPU', cpu),
      ];
    },
  };
}
