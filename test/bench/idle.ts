import { setTimeout as delay } from 'node:timers/promises';
import type { Contender } from './contenders.ts';
import type { Cores } from './cores.ts';
import { cpuMicroseconds, wakeUps } from './process-cost.ts';
import type { Measurement, Row } from './row.ts';
import { withRunning } from './running.ts';

/** By then V8 has collected the garbage of the start, and files that were new at the start have been read again. */
const SETTLE_MS = 35_000;
const ROUND_MS = 20_000;
const ROUNDS_A_MINUTE = 60_000 / ROUND_MS;

/** How often a program without requests wakes up. All are watched in the same time. */
export function idleMeasurement(contenders: readonly Contender[], cores: Cores | undefined): Measurement {
  const able = contenders.filter(({ name }) => !['fastify', 'nginx', 'packaged'].includes(name));
  return {
    key: 'idle',
    rounds: ROUNDS_A_MINUTE,
    measure: (rounds) =>
      withRunning(able, cores?.server, async (running) => {
        await delay(SETTLE_MS);
        const wakes = new Map<string, number[]>(running.map(({ name }) => [name, []]));
        const cpu = new Map<string, number[]>(running.map(({ name }) => [name, []]));
        for (let round = 0; round < rounds; round += 1) {
          const before = running.map(({ pid }) => [wakeUps(pid), cpuMicroseconds(pid)] as const);
          await delay(ROUND_MS);
          running.forEach(({ name, pid }, at) => {
            const [wakesBefore = NaN, cpuBefore = NaN] = before[at] ?? [];
            wakes.get(name)?.push((wakeUps(pid) - wakesBefore) * ROUNDS_A_MINUTE);
            cpu.get(name)?.push(((cpuMicroseconds(pid) - cpuBefore) * ROUNDS_A_MINUTE) / 1_000);
          });
        }
        return [...rowsOf('idle: wake-ups', 'a minute', wakes), ...rowsOf('idle: CPU', 'ms CPU a minute', cpu)];
      }),
  };
}

function rowsOf(title: string, unit: Row['unit'], samples: ReadonlyMap<string, readonly number[]>): readonly Row[] {
  const { observed = [], ...others } = Object.fromEntries(samples);
  const { helper = [] } = others;
  return [
    { title, unit, samples: others },
    { title: `${title}; admin, audit and allow on`, unit, samples: { helper, ours: observed } },
  ];
}
