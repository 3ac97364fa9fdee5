import type { Clock } from '../foundation/clock.ts';
import type { PrivateFiles } from './private-files.ts';

export interface WriteParts {
  readonly files: Pick<PrivateFiles, 'write'>;
  readonly clock: Clock;
  readonly written: () => void;
  readonly failed: (error: unknown) => void;
}

const RETRY_MS = 60_000;
const CLOSE_MS = 1_000;

/** Returns the content to write. Called again for each try. */
export type Content = () => Buffer | Promise<Buffer>;

/**
 * Writes files in the background: one at a time, always the newest content. Retries after a minute,
 * or when there is newer content.
 */
export class BackgroundWrites {
  readonly #parts: WriteParts;
  readonly #pending = new Map<string, Content>();
  #isClosing = false;
  #pause = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  put(name: string, content: Content): void {
    this.#pending.set(name, content);
    this.#pause.abort();
    this.#loop ??= this.#run();
  }

  /** Resolves when everything is written, or after a second. Then unwritten content is given up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#pause.abort();
    const done = new AbortController();
    await Promise.race([this.#loop, this.#parts.clock.sleep(CLOSE_MS, done.signal)]);
    done.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#parts;
    for (let next = this.#next(); next; next = this.#next())
      if (!(await this.#write(...next))) {
        if (this.#isClosing) break;
        this.#pause = new AbortController();
        await clock.sleep(RETRY_MS, this.#pause.signal);
      }
    this.#loop = undefined;
  }

  #next(): [string, Content] | undefined {
    return this.#pending.entries().next().value;
  }

  async #write(name: string, content: Content): Promise<boolean> {
    const { files, written, failed } = this.#parts;
    try {
      await files.write(name, await content());
    } catch (error) {
      this.#toTheEnd(name);
      failed(error);
      return false;
    }
    if (this.#pending.get(name) === content) this.#pending.delete(name);
    written();
    return true;
  }

  /** One file that cannot be written must not delay the others. */
  #toTheEnd(name: string): void {
    const newest = this.#pending.get(name);
    this.#pending.delete(name);
    if (newest) this.#pending.set(name, newest);
  }
}
