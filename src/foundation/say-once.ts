/** Remembers what was said last about each subject, so that a log says a lasting state once, and again only when it changes. */
export class SayOnce {
  readonly #said = new Map<string, string>();

  /** Whether this differs from what was said last about the subject; from now on it is what was said. */
  isNews(subject: string, text: string): boolean {
    const isNews = this.#said.get(subject) !== text;
    this.#said.set(subject, text);
    return isNews;
  }

  /** Nothing is the matter. @returns whether something was said before. */
  clear(subject: string): boolean {
    return this.#said.delete(subject);
  }
}
