/**
 * Remembers the last value logged for each subject, so that a lasting state is logged once, and
 * again only when it changes.
 */
export class SayOnce {
  readonly #said = new Map<string, string>();

  /** Whether the value differs from the last one logged for the subject. Remembers it. */
  isNews(subject: string, text: string): boolean {
    const isNews = this.#said.get(subject) !== text;
    this.#said.set(subject, text);
    return isNews;
  }

  /** Forgets a subject whose problem is over. @returns whether anything was logged for it. */
  clear(subject: string): boolean {
    return this.#said.delete(subject);
  }
}
