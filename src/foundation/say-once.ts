/**
 * Remembers the last value logged for each subject, so that a lasting state is logged once, and
 * again only when it changes.
 */
export class SayOnce {
  readonly #said = new Map<string, string>();

  /** Whether the value differs from the last one logged for the subject. Remembers it. */
  isNews(subject: string, text: string): boolean {
    const isNews = !this.isKnown(subject, text);
    this.#said.set(subject, text);
    return isNews;
  }

  isKnown(subject: string, text: string): boolean {
    return this.#said.get(subject) === text;
  }

  /** Forgets a subject whose problem is over. @returns whether anything was logged for it. */
  clear(subject: string): boolean {
    return this.#said.delete(subject);
  }

  /** Everything is fine again. @returns whether something was reported before. */
  clearAll(): boolean {
    const hadSaid = this.#said.size > 0;
    this.#said.clear();
    return hadSaid;
  }
}

const QUIET_MS = 60_000;
const MOST_SUBJECTS = 1_000;

/**
 * For events that any client can cause: at most one line a minute for each subject, so that they
 * cannot fill a disk or the memory.
 */
export class SayRarely {
  readonly #saidAt = new Map<string, number>();

  /** @param now - milliseconds since the epoch. */
  isDue(subject: string, now: number): boolean {
    // A difference of either sign: a clock set back must not silence the subject for longer.
    if (Math.abs(now - (this.#saidAt.get(subject) ?? -Infinity)) < QUIET_MS) return false;
    if (this.#saidAt.size >= MOST_SUBJECTS) this.#saidAt.clear();
    this.#saidAt.set(subject, now);
    return true;
  }
}

/**
 * Two causes may alternate, for example with several addresses for one name. A long outage must not
 * log them at every attempt.
 */
const MOST_AN_HOUR = 3;
const HOUR_MS = 3_600_000;

/** Remembers the logged failures of one role. */
export class LoggedFailures {
  #last: string | undefined;
  readonly #times = new Map<string, readonly number[]>();

  /**
   * Whether to log a failure: only if it differs from the last one, and only a few times per hour.
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
