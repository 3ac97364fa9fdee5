// What the policy promises the service, said a second time and from docs/architecture.md ("Numbers"): the tests in this
// directory hold the calls that really came against it.

/** One CreateSession call as the service saw it, milliseconds since the epoch; `end` is Infinity while it is under way. */
export interface Attempt {
  readonly begin: number;
  readonly end: number;
}

export interface Trouble {
  readonly retry: 'soon' | 'throttled' | 'slow';
  /** Milliseconds; what the service asked for. */
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

/** Where a failure finds the daemon. */
export interface Moment {
  /** Failures in a row, this one included. */
  readonly failures: number;
  /** Milliseconds of life left in the held session; 0 when there is none. */
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

/** How fleets share ten calls a second is for test/simulation; here: while there is time left it is not slept through. */
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

/** The most calls in so many milliseconds with nothing to serve: one at once, one after each shortest delay and its own duration. */
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
  /** The least that a call takes. */
  readonly callMs: number;
  /** How long a call may take to get from the daemon's decision to the service, on a busy machine. */
  readonly slackMs: number;
  /** How much too early a call may look where moments are told by the clocks of two processes, and by lines of a log. */
  readonly earlyMs: number;
}

/**
 * Which of the calls in a row came too early or too late; the first of them failed first. Early is told from the beginnings, since
 * an end may be noticed late on a busy machine.
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
