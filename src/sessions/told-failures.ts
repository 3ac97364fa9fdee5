/** Two causes that take turns, as of several addresses behind one name, are not news at every attempt of a long outage. */
const MOST_AN_HOUR = 3;
const HOUR_MS = 3_600_000;

/** What the log has been told of the trouble of one role. */
export class ToldFailures {
  #last: string | undefined;
  readonly #times = new Map<string, readonly number[]>();

  /**
   * Whether a failure is to be told: another one than the one told last, but each only so often.
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

  /** The trouble is over. */
  clear(): void {
    this.#last = undefined;
    this.#times.clear();
  }
}
