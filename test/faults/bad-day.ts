import { expect } from 'vitest';
import { eventually, type RunningProgram } from '../support/program.ts';
import type { ReadingLedger } from '../support/reading-ledger.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { type Attempt, badDelays, delayBounds, mostCalls, type Trouble } from './retry-bounds.ts';

/** A fault that outlasts the session. */
export interface BadDay {
  /** Also the name of the role. */
  readonly name: string;
  /** The logged code, from docs/errors.md. */
  readonly code: string;
  readonly trouble: Trouble;
  /** Minimum duration of a call, milliseconds. */
  readonly callMs: number;
}

/** What the day happens to. */
export interface Scene {
  readonly program: RunningProgram;
  readonly url: string;
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
  /** The failed calls since the fault began, and the next one. */
  readonly attempts: (since: number) => readonly Attempt[];
}

export interface DayReport {
  readonly ledger: ReadingLedger;
  readonly heldUntil: number;
  /** Duration of the fault, milliseconds. */
  readonly faultMs: number;
  readonly attempts: readonly Attempt[];
  readonly log: readonly Record<string, unknown>[];
}

/** Short enough for a test, long enough for a slow call on a busy machine. */
export const SESSION_SECONDS = 10;
/**
 * From a decision of the daemon to the arrival of the call: threads start, files are read, and
 * other tests run.
 */
export const SLACK_MS = 40_000;
/**
 * Half of the shortest delay, so that a call without any delay is still detected: log lines come
 * some time after their event. backoff.test.ts checks the delays exactly, in virtual time.
 */
const EARLY_MS = 50;
/** Few, because many roles are read at once, and few readings are enough to show an error. */
export const CLIENTS = { clients: 2, everyMs: 2_000 };
/** The daemon gives a call up after 15 s. */
const LONGEST_CALL_MS = 15_000;

/**
 * From the first session through the fault, past the session's end, to the next session, with
 * clients reading all the time.
 */
export async function runDay(day: BadDay, scene: Scene): Promise<DayReport> {
  const load = new SdkLoad(scene.url, CLIENTS);
  const { ledger } = load;
  const status = (wanted: 200 | 503, ms: number): Promise<unknown> =>
    eventually(`${wanted} for ${day.name}; ${ledger.wrong.join('\n')}`, ms, () => {
      const isDue = wanted === 200 || Date.now() >= ledger.heldUntil;
      return (isDue && ledger.lastStatus === wanted) || undefined;
    });
  try {
    await status(200, SLACK_MS);
    const announced = Date.now();
    await scene.begin();
    // An earlier call may have been granted or not.
    const since = Date.now();
    await status(503, 2 * SESSION_SECONDS * 1000 + SLACK_MS);
    const { heldUntil } = ledger;
    await eventually('a failure', LONGEST_CALL_MS + SLACK_MS, () => hasFailed(scene.attempts(since)));
    await scene.end();
    const faultMs = Date.now() - since;
    const { most } = delayBounds(day.trouble, { failures: scene.attempts(since).length, remainingMs: 0 });
    await status(200, most + LONGEST_CALL_MS + SLACK_MS);
    const log = linesOf(scene.program, day.name, announced);
    return { ledger, heldUntil, faultMs, attempts: scene.attempts(since), log };
  } finally {
    await load.stop();
  }
}

/** The log of a role from some time on. */
function linesOf({ log }: RunningProgram, name: string, since: number): Record<string, unknown>[] {
  const lines = log.filter(({ role, time }) => role === name && Date.parse(String(time)) >= since);
  return lines.filter(({ level, code }) => level !== 'debug' && code !== 'SESSION_SHORT');
}

function hasFailed(attempts: readonly Attempt[]): true | undefined {
  return attempts.some(({ end }) => end !== Infinity) || undefined;
}

/** The promises of the design for every bad day. */
export function expectPromisesKept(day: BadDay, report: DayReport): void {
  const { ledger, attempts, heldUntil, faultMs } = report;
  const { trouble, callMs } = day;
  expect(ledger.wrong).toEqual([]);
  const limits = { trouble, heldUntil, callMs, slackMs: SLACK_MS, earlyMs: EARLY_MS };
  expect(badDelays(attempts, limits)).toEqual([]);
  expect(attempts.length).toBeLessThanOrEqual(mostCalls(faultMs, trouble, callMs) + 1);
  expectSaidOnce(day, report);
}

/** Each change of state is one line with code and remedy. Attempts are not logged. */
function expectSaidOnce({ code }: BadDay, { log }: DayReport): void {
  const said = log.filter(({ level }) => level !== 'info');
  const codes = withoutSlowness(
    said.map((line) => line['code']),
    code,
  );
  expect(codes.sort()).toEqual([code, 'SESSION_EXPIRED'].sort());
  for (const line of said) expect(line['remedy']).toMatch(/\w{3}/);
  expect(log.at(-1)).toMatchObject({ level: 'info', msg: 'role session granted' });
}

const TOO_SLOW = 'RA_DEADLINE_EXCEEDED';

/**
 * Ignores the code of a call that a slow machine did not finish within 15 s. An earlier code is
 * then rightly logged again.
 */
export function withoutSlowness(codes: readonly unknown[], expected: unknown): unknown[] {
  const isSlow = (code: unknown): boolean => code === TOO_SLOW && expected !== TOO_SLOW;
  const kept = codes.map((code, index) => !isSlow(code) && !(isSlow(codes[index - 1]) && code === codes[index - 2]));
  return codes.filter((_, index) => kept[index]);
}

/** The endpoint of a role, from what `serve` prints. */
export async function endpointOf(program: RunningProgram, role: string): Promise<string> {
  const [, url = ''] = await program.says(new RegExp(`(http:\\S+) # ${role}$`, 'm'));
  return url;
}
