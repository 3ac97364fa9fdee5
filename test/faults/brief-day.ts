import type { Fault } from '../../src/emulator/faults.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import type { ReadingLedger } from '../support/reading-ledger.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { CLIENTS, SLACK_MS, withoutSlowness } from './bad-day.ts';
import type { RoleUpstream } from './upstream.ts';

/** Faults that pass before the held session is over. */
export interface BriefDay {
  /** Also the name of the role. */
  readonly name: string;
  /** One after the other, each for two calls. */
  readonly faults: readonly Fault[];
  /** What the log says of it: one line for each change. */
  readonly codes: readonly string[];
}

/** Half of it is left at the first renewal, at least: room for the calls of the longest case. */
export const BRIEF_SESSION_SECONDS = 30;
const CALLS_EACH = 2;

export const BRIEF_DAYS: readonly BriefDay[] = [
  // A grant that takes its time is a grant.
  { name: 'latency-2s', faults: [{ latencyMs: 2_000, grantSeconds: BRIEF_SESSION_SECONDS }], codes: [] },
  { name: 'brief-429', faults: [{ status: 429, retryAfter: 1 }], codes: ['RA_THROTTLED'] },
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

export interface BriefCourse {
  readonly ledger: ReadingLedger;
  /** The codes that were logged for people. */
  readonly said: readonly unknown[];
}

interface Scene {
  readonly program: RunningProgram;
  readonly url: string;
  readonly role: RoleUpstream;
}

/** From the first session through all faults to the next session. */
export async function endureBriefly(day: BriefDay, { program, url, role }: Scene): Promise<BriefCourse> {
  const load = new SdkLoad(url, CLIENTS);
  const { ledger } = load;
  try {
    await eventually('the first session', SLACK_MS, () => ledger.lastStatus === 200 || undefined);
    for (const fault of day.faults) {
      await role.suffer(fault);
      await untilCalled(role);
    }
    await role.suffer();
    const { sessions } = ledger;
    await eventually('the next session', 2 * SLACK_MS, () => ledger.sessions > sessions || undefined);
    return { ledger, said: saidOf(program, day.name) };
  } finally {
    await load.stop();
  }
}

/** Waits until so many more calls have ended as a fault is to meet. */
async function untilCalled({ attempts }: RoleUpstream): Promise<void> {
  const wanted = attempts.length + CALLS_EACH;
  const ended = (): number => attempts.filter(({ end }) => end !== Infinity).length;
  await eventually(`${wanted} calls`, 2 * SLACK_MS, () => ended() >= wanted || undefined);
}

/** A machine so slow that the calls do not fit into the session has it end before the next one: told, and no matter here. */
const ABOUT_SESSIONS = new Set<unknown>(['SESSION_SHORT', 'SESSION_EXPIRED']);

function saidOf({ log }: RunningProgram, name: string): unknown[] {
  const lines = log.filter(({ role, level }) => role === name && level !== 'info' && level !== 'debug');
  const codes = lines.map(({ code }) => code).filter((code) => !ABOUT_SESSIONS.has(code));
  return withoutSlowness(codes, undefined);
}
