import { setTimeout as delay } from 'node:timers/promises';
import { type Contender, DAEMONS } from './contenders.ts';
import type { Cores } from './cores.ts';
import { type Load, runLoad } from './load.ts';
import { residentMegabytes } from './process-cost.ts';
import { interleaved, type Measurement, rowsOf } from './row.ts';
import { type RunningContender, withRunning } from './running.ts';

const SETTLE_MS = 5_000;
const READS = 300_000;
const TOKENS = 300_000;

/** Resident memory: idle with a session, after reads, after a flood of token requests. */
export function memoryMeasurement(contenders: readonly Contender[], cores: Cores | undefined): Measurement {
  const able = contenders.filter(({ name }) => DAEMONS.includes(name));
  return {
    key: 'memory',
    rounds: 1,
    measure: async (rounds) => {
      const reads = new Map(able.map(({ name }) => [name, [] as number[]]));
      const tokens = new Map(able.map(({ name }) => [name, [] as number[]]));
      const idle = await interleaved(able, rounds, (contender) =>
        withRunning([contender], cores?.server, async ([running]) => {
          if (!running) return NaN;
          await delay(SETTLE_MS);
          const idleMegabytes = residentMegabytes(running.pid);
          reads.get(contender.name)?.push(await after(running, 'read', READS, cores));
          if (contender.isMetadataService)
            tokens.get(contender.name)?.push(await after(running, 'token', TOKENS, cores));
          return idleMegabytes;
        }),
      );
      return [
        ...rowsOf('memory, idle with a session', 'MB', idle),
        ...rowsOf('memory after 300 000 reads', 'MB', reads),
        ...rowsOf('memory after 300 000 more token requests', 'MB', tokens),
      ];
    },
  };
}

async function after(
  { pid, target }: RunningContender,
  kind: Load['kind'],
  requests: number,
  cores: Cores | undefined,
): Promise<number> {
  for (let made = 0; made < requests;)
    made += (await runLoad(target, { kind, connections: 16, seconds: 2 }, cores?.load)).requests;
  return residentMegabytes(pid);
}
