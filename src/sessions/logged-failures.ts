/** Two causes may alternate, as with several addresses behind one name: a long outage must not log them at every attempt. */
const MOST_AN_HOUR = 3;
const HOUR_MS = 3_600_000;

/** Which failures of one role the log already has. */
export class LoggedFailures {
  #last: string | undefined;
  readonly #times = new Map<string, readonly number[]>();

  /**
   * Whether to log a failure: when it differs from the last one logged, and only so often an hour.
   *
   * @param now - milliseconds since the epoch.
   */
  isNews(code: string, now: number): boolean {
    const lately = (this.#times.get(code) ?? []).filter((at) => Math.abs(now - at) < HOUR_MS);
    if (code === this.#last || lately.length >= MOST_AN_HOUR) return false;
    this.#last = code;
    this.#times.set(code, [...lately, now]);
    return true;
  }

  /** The failures are over. */
  clear(): void {
    this.#last = undefined;
    this.#times.clear();
  }
}
