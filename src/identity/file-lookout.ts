import type { Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { messageOf, systemCodeOf } from '../foundation/errors.ts';
import { fileError } from '../files/file-errors.ts';
import type { WatchFiles } from './watch-files.ts';

export interface LookoutParts {
  readonly paths: readonly string[];
  /** Looks what is there; never rejects. @returns in how many milliseconds to look again, if nothing hints at a change before. */
  readonly look: () => Promise<number>;
  readonly watch: WatchFiles;
  readonly clock: Clock;
  readonly log: Log;
}

/** Watches miss network and overlay file systems, directories that come later, and more; a look takes microseconds. */
export const POLL_MS = 30_000;

/** Several files are written one after the other, and each makes several events. */
const DEBOUNCE_MS = 300;

/** Looks at files at once, soon after a hint that they have changed, and every now and then without one. One look at a time. */
export class FileLookout {
  readonly #parts: LookoutParts;
  #hinted = false;
  #wake: () => void = () => undefined;
  #saidFailure = false;

  constructor(parts: LookoutParts) {
    this.#parts = parts;
  }

  /** A hint from outside, such as a signal. */
  readonly nudge = (): void => {
    this.#hinted = true;
    this.#wake();
  };

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const watch = await this.#startWatch();
    while (!signal.aborted) await this.#rest(await this.#parts.look(), signal);
    await watch?.close();
  }

  async #startWatch(): Promise<{ close(): Promise<void> } | undefined> {
    try {
      return await this.#parts.watch(this.#parts.paths, { hint: this.nudge, failed: this.#failed });
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  readonly #failed = (error: unknown): void => {
    if (this.#saidFailure) return;
    this.#saidFailure = true;
    const what = `${this.#parts.paths.join(', ')}: checked for changes every ${POLL_MS / 1000} s: ${messageOf(error)}`;
    const isDenied = /^(?:EACCES|EPERM)$/.test(systemCodeOf(error) ?? '');
    const fault = fileError(isDenied ? 'FILE_WATCH_DENIED' : 'FILE_WATCH_UNAVAILABLE', what, error);
    this.#parts.log('warn', 'files cannot be watched', failureFields(fault));
  };

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hinted && !signal.aborted) await this.#sleep(ms, signal);
    if (this.#hinted) await this.#parts.clock.sleep(DEBOUNCE_MS, signal);
    this.#hinted = false;
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const waker = new AbortController();
    this.#wake = () => {
      waker.abort();
    };
    signal.addEventListener('abort', this.#wake, { once: true });
    await this.#parts.clock.sleep(ms, waker.signal);
    signal.removeEventListener('abort', this.#wake);
  }
}
