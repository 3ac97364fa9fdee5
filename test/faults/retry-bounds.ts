// The limits of the retry policy, written again from docs/architecture.md ("Numbers"). The tests of
// this directory compare the observed calls with them.

/**
 * One CreateSession call as seen by the service, milliseconds since the epoch; `end` is Infinity
 * while it is running.
 */
export interface Attempt {
  readonly begin: number;
  readonly end: number;
}

export interface Trouble {
  readonly retry: 'soon' | 'throttled' | 'slow';
  /** Milliseconds of a Retry-After. */
  readonly retryAfterMs?: number;
}

export interface Bounds {
  /** Milliseconds. */
  readonly least: number;
  readonly most: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HALF_HOUR = 30 * MINUTE;

/** The state of the daemon at a failure. */
export interface Moment {
  /** Consecutive failures, including this one. */
  readonly failures: number;
  /** Milliseconds of life left in the session; 0 without one. */
  readonly remainingMs: number;
}

/** How long the daemon may wait after a failure. */
export function delayBounds({ retry, retryAfterMs = 0 }: Trouble, moment: Moment): Bounds {
  const { least, most } = { soon, throttled, slow }[retry](moment);
  const asked = Math.max(100, Math.min(retryAfterMs, 10 * MINUTE));
  return { least: Math.max(least, asked), most: Math.max(most, asked) };
}

function soon({ failures, remainingMs }: Moment): Bounds {
  const cap = remainingMs > 0 ? Math.min(5 * MINUTE, remainingMs / 4) : 15 * SECOND;
  return { least: 0, most: Math.min(doubled(SECOND, failures), cap) };
}

/**
 * test/simulation checks how fleets share ten calls per second. Here: with time left, the daemon
 * must retry in time.
 */
function throttled({ remainingMs }: Moment): Bounds {
  return { least: 0, most: remainingMs > 0 ? remainingMs : HALF_HOUR };
}

function slow({ failures }: Moment): Bounds {
  const step = Math.min(doubled(30 * SECOND, failures), HALF_HOUR);
  return { least: step / 2, most: step };
}

function doubled(base: number, failures: number): number {
  return base * 2 ** (failures - 1);
}

/**
 * The maximum number of calls in a time without a session: one at once, then one after each
 * shortest delay and its own duration.
 */
export function mostCalls(windowMs: number, trouble: Trouble, callMs: number): number {
  let calls = 0;
  for (let at = 0; at <= windowMs; calls += 1)
    at += callMs + delayBounds(trouble, { failures: calls + 1, remainingMs: 0 }).least;
  return calls;
}

export interface RetryWindow {
  readonly trouble: Trouble;
  /** Milliseconds since the epoch. */
  readonly heldUntil: number;
  /** Minimum duration of a call. */
  readonly callMs: number;
  /** From the daemon's decision to the arrival at the service, on a busy machine. */
  readonly slackMs: number;
  /**
   * Tolerance for calls that look too early, because times come from two processes and from log
   * lines.
   */
  readonly earlyMs: number;
}

/**
 * Which of the consecutive calls came too early or too late. The first of them failed first. Early
 * calls are judged by their start, because a busy machine may notice the end late.
 */
export function badDelays(
  attempts: readonly Attempt[],
  { trouble, heldUntil, callMs, slackMs, earlyMs }: RetryWindow,
): string[] {
  return attempts.slice(1).flatMap(({ begin }, index) => {
    const failed = attempts[index] ?? { begin: NaN, end: NaN };
    const remainingMs = Math.max(0, heldUntil - failed.end);
    const { least, most } = delayBounds(trouble, { failures: index + 1, remainingMs });
    if (begin - failed.begin >= callMs + least - earlyMs && begin - failed.end <= most + slackMs) return [];
    const what = `${begin - failed.begin} ms after the beginning and ${begin - failed.end} ms after the end of call ${index + 1}`;
    return [`${what}, which takes ${callMs} ms; allowed are ${least} to ${most}`];
  });
}
