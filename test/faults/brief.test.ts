import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/emulator/faults.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { Workshop } from '../support/workshop.ts';
import { doorOf } from './bad-day.ts';
import { Endings } from './courses.ts';
import { Upstream, plainFront, type RoleUpstream } from './upstream.ts';

// Faults that pass before the held session is over: no client notices anything, and the log has one line for each change.

interface Case {
  /** Also the name of the role. */
  readonly name: string;
  /** One after the other, each for two calls. */
  readonly faults: readonly Fault[];
  /** What the log says of it. */
  readonly codes: readonly string[];
}

/** Half of it is left at the first renewal, at least: room for the calls of the longest case. */
const SESSION_SECONDS = 30;
const CALLS_EACH = 2;

const CASES: readonly Case[] = [
  // A grant that takes its time is a grant.
  { name: 'latency-2s', faults: [{ latencyMs: 2_000, grantSeconds: SESSION_SECONDS }], codes: [] },
  { name: 'status-500', faults: [{ status: 500 }], codes: ['RA_UNAVAILABLE'] },
  { name: 'reset', faults: [{ reset: true }], codes: ['RA_CONNECTION_LOST'] },
  { name: 'retry-after', faults: [{ status: 429, retryAfter: 1 }], codes: ['RA_THROTTLED'] },
  { name: 'not-json', faults: [{ body: '<html>' }], codes: ['RA_ANSWER_NOT_JSON'] },
  {
    name: 'mixed',
    faults: [
      { status: 503 },
      { reset: true },
      { credentials: { expiration: '2020-01-01T00:00:00Z' } },
      { status: 500 },
    ],
    codes: ['RA_UNAVAILABLE', 'RA_CONNECTION_LOST', 'RA_ANSWER_EXPIRED', 'RA_UNAVAILABLE'],
  },
];

let upstream: Upstream;
let program: RunningProgram;

const endings = new Endings();

beforeAll(async () => {
  const workshop = await Workshop.open();
  endings.add(workshop.close);
  const names = CASES.map(({ name }) => name);
  upstream = await Upstream.open(`${workshop.directory}/account`, names);
  endings.add(() => {
    upstream.close();
  });
  const front = await plainFront(upstream.listener);
  endings.add(() => front.close());
  for (const name of names) await upstream.role(name).suffer({ grantSeconds: SESSION_SECONDS });
  ({ program } = await workshop.daemon(upstream.config(front.url)));
});
afterAll(endings.run);

/** Waits until the service has ended so many more calls. */
async function untilCalled({ attempts }: RoleUpstream, times: number): Promise<void> {
  const wanted = attempts.length + times;
  const ended = (): number => attempts.filter(({ end }) => end !== Infinity).length;
  await eventually(`${wanted} calls`, 40_000, () => ended() >= wanted || undefined);
}

describe('a fault that passes in time', () => {
  test.concurrent.each(CASES)('$name', { timeout: 120_000 }, async ({ name, faults, codes }) => {
    const role = upstream.role(name);
    const load = new SdkLoad(await doorOf(program, name), { clients: 10, everyMs: 1_000 });
    const { ledger } = load;
    try {
      await eventually('the first session', 40_000, () => ledger.lastStatus === 200 || undefined);
      for (const fault of faults) {
        await role.suffer(fault);
        await untilCalled(role, CALLS_EACH);
      }
      await role.suffer();
      const { sessions } = ledger;
      await eventually('the next session', 40_000, () => ledger.sessions > sessions || undefined);
      expect(ledger.lapses).toBe(0);
    } finally {
      await load.stop();
    }
    expect(ledger.wrong).toEqual([]);
    const said = program.log.filter(({ role: of, level }) => of === name && level !== 'info');
    expect(said.map(({ level, code }) => [level, code])).toEqual(
      ['SESSION_SHORT', ...codes].map((code) => ['warn', code]),
    );
    expect(await role.maxInFlight()).toBe(1);
  });
});
