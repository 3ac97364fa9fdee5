import type { Fault } from '../../src/emulator/control/faults.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import type { ReadingLedger } from '../support/reading-ledger.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { CLIENTS, SLACK_MS, withoutSlowness } from './bad-day.ts';
import type { RoleUpstream } from './upstream.ts';

/** Faults that end before the session expires. */
export interface BriefDay {
  /** Also the name of the role. */
  readonly name: string;
  /** One after the other, each for two calls. */
  readonly faults: readonly Fault[];
  /** Its log: one line for each change. */
  readonly codes: readonly string[];
}

/** At the first renewal at least half is left, enough for the calls of the longest case. */
export const BRIEF_SESSION_SECONDS = 30;
const CALLS_EACH = 2;

export const BRIEF_DAYS: readonly BriefDay[] = [
  // A slow grant is a grant.
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

export interface BriefReport {
  readonly ledger: ReadingLedger;
  /** The logged codes. */
  readonly said: readonly unknown[];
}

interface Scene {
  readonly program: RunningProgram;
  readonly url: string;
  readonly role: RoleUpstream;
}

/** From the first session through all faults to the next session. */
export async function runBriefDay(day: BriefDay, { program, url, role }: Scene): Promise<BriefReport> {
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

/** Waits until the given number of further calls has ended. */
async function untilCalled({ attempts }: RoleUpstream): Promise<void> {
  const wanted = attempts.length + CALLS_EACH;
  const ended = (): number => attempts.filter(({ end }) => end !== Infinity).length;
  await eventually(`${wanted} calls`, 2 * SLACK_MS, () => ended() >= wanted || undefined);
}

/**
 * On a slow machine, the session may expire before the calls are done. That is logged, and does not
 * matter here.
 */
const ABOUT_SESSIONS = new Set<unknown>(['SESSION_SHORT', 'SESSION_EXPIRED']);

function saidOf({ log }: RunningProgram, name: string): unknown[] {
  const lines = log.filter(({ role, level }) => role === name && level !== 'info' && level !== 'debug');
  const codes = lines.map(({ code }) => code).filter((code) => !ABOUT_SESSIONS.has(code));
  return withoutSlowness(codes, undefined);
}
