import type { Contender } from './contenders.ts';
import type { Cores } from './cores.ts';
import { cpuMicroseconds } from './process-cost.ts';
import { interleaved, type Measurement } from './row.ts';
import { started } from './running.ts';

const ROUNDS = 15;

/** How long a start takes, and the way to the first credential. */
export function startMeasurement(contenders: readonly Contender[], cores: Cores | undefined): Measurement {
  const able = contenders.filter(({ name }) => name === 'ours' || name === 'helper' || name === 'node');
  return {
    key: 'start',
    rounds: ROUNDS,
    measure: async (rounds) => {
      const answering: Record<string, number[]> = { ours: [], helper: [] };
      const cpu: Record<string, number[]> = { ours: [], helper: [] };
      const listening = await interleaved(able, rounds, async (contender) => {
        const running = await started(contender, cores?.server);
        cpu[contender.name]?.push(cpuMicroseconds(running.pid) / 1_000);
        await running.stop();
        answering[contender.name]?.push(running.answeringMs);
        return running.listeningMs;
      });
      return [
        { title: 'start until it listens', unit: 'ms', samples: Object.fromEntries(listening) },
        { title: 'start until the first credentials', unit: 'ms', samples: answering },
        { title: 'start until the first credentials: CPU', unit: 'ms CPU', samples: cpu },
      ];
    },
  };
}
