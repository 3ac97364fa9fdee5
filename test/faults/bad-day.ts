import { expect } from 'vitest';
import type { RunningProgram } from '../support/program.ts';
import { eventually } from '../support/program.ts';
import type { ReadingLedger } from '../support/reading-ledger.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { badDelays, delayBounds, mostCalls, type Attempt, type Trouble } from './retry-bounds.ts';

/** A fault that outlasts the held session. */
export interface BadDay {
  /** Also the name of the role. */
  readonly name: string;
  /** What the log says, in docs/errors.md. */
  readonly code: string;
  readonly trouble: Trouble;
  /** The least that a call takes, milliseconds. */
  readonly callMs: number;
}

/** What the day happens to. */
export interface Scene {
  readonly program: RunningProgram;
  readonly url: string;
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
  /** The calls since the fault began that failed, and the one after them. */
  readonly attempts: (since: number) => readonly Attempt[];
}

export interface Course {
  readonly ledger: ReadingLedger;
  readonly heldUntil: number;
  /** From the fault to its end, milliseconds. */
  readonly faultMs: number;
  readonly attempts: readonly Attempt[];
  readonly log: readonly Record<string, unknown>[];
}

/** Short enough for a test, long enough for a call that takes its time on a busy machine. */
export const SESSION_SECONDS = 10;
/** From a decision of the daemon to the call's arrival: threads start, files are read, and other tests run too. */
export const SLACK_MS = 40_000;
/**
 * Half of the shortest delay there is, so that a call without any delay still shows: a line of the log is written some time after
 * what it tells. To the millisecond, in virtual time, the delays are held in backoff.test.ts.
 */
const EARLY_MS = 50;
/** Few, as many roles are read at once, and what must not happen shows in few readings as well. */
export const CLIENTS = { clients: 2, everyMs: 2_000 };
/** The daemon gives a call up after 15 s. */
const LONGEST_CALL_MS = 15_000;

/** From the first session through the fault, past the session's end, to the next session; clients read all the time. */
export async function endure(day: BadDay, scene: Scene): Promise<Course> {
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
    // What was called before may have been granted, or not: nobody can tell.
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

/** What the log says about a role from a moment on, for people. */
function linesOf({ log }: RunningProgram, name: string, since: number): Record<string, unknown>[] {
  const lines = log.filter(({ role, time }) => role === name && Date.parse(String(time)) >= since);
  return lines.filter(({ level, code }) => level !== 'debug' && code !== 'SESSION_SHORT');
}

function hasFailed(attempts: readonly Attempt[]): true | undefined {
  return attempts.some(({ end }) => end !== Infinity) || undefined;
}

/** What the design promises about every bad day. */
export function expectPromisesKept(day: BadDay, course: Course): void {
  const { ledger, attempts, heldUntil, faultMs } = course;
  const { trouble, callMs } = day;
  expect(ledger.wrong).toEqual([]);
  const limits = { trouble, heldUntil, callMs, slackMs: SLACK_MS, earlyMs: EARLY_MS };
  expect(badDelays(attempts, limits)).toEqual([]);
  expect(attempts.length).toBeLessThanOrEqual(mostCalls(faultMs, trouble, callMs) + 1);
  expectSaidOnce(day, course);
}

/** A change of state is one line with code and remedy; attempts are none. */
function expectSaidOnce({ code }: BadDay, { log }: Course): void {
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

/** The codes but those of a machine too slow for a call to end within 15 s; what was said before is then rightly said again. */
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
