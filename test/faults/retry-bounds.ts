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

/**
 * How long the daemon may wait after a failure.
 *
 * @param failures - in a row, this one included.
 * @param remainingMs - life left in the held session; 0 when there is none.
 */
export function delayBounds({ retry, retryAfterMs = 0 }: Trouble, failures: number, remainingMs: number): Bounds {
  const outage = remainingMs > 0 ? Math.min(5 * MINUTE, remainingMs / 4) : MINUTE;
  const steps = 2 ** (failures - 1);
  const jitter: Record<Trouble['retry'], Bounds> = {
    soon: { least: 0, most: Math.min(steps * SECOND, outage) },
    throttled: { least: 0, most: Math.min(steps * 15 * SECOND, 2 * outage) },
    slow: { least: Math.min(steps * 30 * SECOND, 30 * MINUTE) / 2, most: Math.min(steps * 30 * SECOND, 30 * MINUTE) },
  };
  const asked = Math.max(100, Math.min(retryAfterMs, 10 * MINUTE));
  return { least: Math.max(jitter[retry].least, asked), most: Math.max(jitter[retry].most, asked) };
}

/** The most calls in so many milliseconds: one at once, and one after each shortest delay and its own duration. */
export function mostCalls(windowMs: number, trouble: Trouble, callMs: number): number {
  let calls = 1;
  for (let at = callMs + delayBounds(trouble, 1, 0).least; at <= windowMs; calls += 1)
    at += callMs + delayBounds(trouble, calls + 1, 0).least;
  return calls;
}

export interface RetryWindow {
  readonly trouble: Trouble;
  /** Milliseconds since the epoch. */
  readonly heldUntil: number;
  /** How long a call may take to get from the daemon's decision to the service, on a busy machine. */
  readonly slackMs: number;
}

/** Which of the calls in a row came too early or too late; the first of them failed first. */
export function badDelays(attempts: readonly Attempt[], { trouble, heldUntil, slackMs }: RetryWindow): string[] {
  return attempts.slice(1).flatMap(({ begin }, index) => {
    const failedAt = attempts[index]?.end ?? NaN;
    const { least, most } = delayBounds(trouble, index + 1, Math.max(0, heldUntil - failedAt));
    const delay = begin - failedAt;
    // Timers of Node fire up to a millisecond early.
    const fits = delay >= least - 2 && delay <= most + slackMs;
    return fits ? [] : [`${delay} ms after failure ${index + 1}, allowed are ${least} to ${most}`];
  });
}
