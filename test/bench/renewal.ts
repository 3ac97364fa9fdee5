import { setTimeout as delay } from 'node:timers/promises';
import { createSessionCalls, suffer } from '../soak/emulator-control.ts';
import { quantile } from '../soak/report.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { type Contender, helper, ours } from './contenders.ts';
import type { Cores } from './cores.ts';
import type { Measurement } from './row.ts';
import { withRunning } from './running.ts';

const LATENCY_MS = 2_000;
const CLIENTS = 50;
const EVERY_MS = 100;
const MEASURED_MS = 12_000;
/** Both renew after about five seconds: the helper in the last five minutes of a session, imds-anywhere after 40 to 50 % of it. */
const GRANT_SECONDS = { helper: 305, ours: 11 };

/** What readers notice when a renewal takes two seconds, and how many calls it makes. */
export function renewalMeasurement(helperProgram: string | undefined, cores: Cores | undefined): Measurement {
  return {
    key: 'renewal',
    rounds: 1,
    measure: async (rounds) => {
      const times: Record<string, number[]> = { ours: [], helper: [] };
      const calls: Record<string, number[]> = { ours: [], helper: [] };
      for (let round = 0; round < rounds; round += 1)
        for (const name of ['helper', 'ours'] as const) {
          if (name === 'helper' && helperProgram === undefined) continue;
          const contender = (emulator: RunningEmulator): Contender =>
            helperProgram !== undefined && name === 'helper' ? helper(helperProgram, emulator) : ours(emulator);
          const seen = await readDuringRenewal(contender, GRANT_SECONDS[name], cores);
          times[name]?.push(seen.p99Ms);
          calls[name]?.push(seen.calls);
        }
      const title = 'reads by 50 clients while renewals take 2 s';
      return [
        { title: `${title}: p99`, unit: 'ms', samples: times },
        { title: `${title}: CreateSession`, unit: 'calls', samples: calls },
      ];
    },
  };
}

interface Seen {
  readonly p99Ms: number;
  readonly calls: number;
}

async function readDuringRenewal(
  contender: (emulator: RunningEmulator) => Contender,
  seconds: number,
  cores: Cores | undefined,
): Promise<Seen> {
  const workshop = await Workshop.open();
  try {
    const emulator = await workshop.emulator('--grant-seconds', String(seconds));
    return await withRunning([contender(emulator)], cores?.server, async ([running]) => {
      await suffer(emulator.url, { latencyMs: LATENCY_MS });
      const before = await createSessionCalls(emulator.url);
      const load = new SdkLoad(running?.target.url ?? '', { clients: CLIENTS, everyMs: EVERY_MS });
      await delay(MEASURED_MS);
      await load.stop();
      const after = await createSessionCalls(emulator.url);
      return { p99Ms: quantile(load.takeTimes(), 0.99), calls: after.total - before.total };
    });
  } finally {
    await workshop.close();
  }
}
