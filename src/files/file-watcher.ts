import type { Clock } from '../foundation/clock.ts';
import { messageOf, systemCodeOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { fileError } from './file-errors.ts';

export interface FileHints {
  /** Something may have changed. */
  readonly hint: () => void;
  /** The watch reports no more changes, or never did. */
  readonly failed: (error: unknown) => void;
}

/**
 * Starts to watch files, existing or not; `close` ends it. An event is only a hint: which ones come
 * differs between cases.
 */
export type WatchFiles = (paths: readonly string[], hints: FileHints) => Promise<{ close(): Promise<void> }>;

/**
 * Do not follow links: otherwise changes of a Kubernetes volume that keeps its old directory, and
 * of certbot's links, would go unnoticed.
 */
export const watchFiles: WatchFiles = async (paths, { hint, failed }) => {
  const { watch } = await import('chokidar');
  const watcher = watch([...paths], { ignoreInitial: true, followSymlinks: false });
  return watcher.on('all', hint).on('error', failed);
};

export interface WatcherParts {
  readonly paths: readonly string[];
  /** Checks the files; never rejects. @returns milliseconds until the next check without a hint. */
  readonly check: () => Promise<number>;
  readonly watch: WatchFiles;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * A watch misses network and overlay file systems, directories created later, and more. A check
 * takes microseconds.
 */
export const POLL_MS = 30_000;

/** Several files are written one after the other, and each causes several events. */
const DEBOUNCE_MS = 300;

/** Checks files at once, soon after a hint, and regularly without one. One check at a time. */
export class FileWatcher {
  readonly #parts: WatcherParts;
  #hinted = false;
  #wake: () => void = () => undefined;
  readonly #said = new SayOnce();

  constructor(parts: WatcherParts) {
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
    while (!signal.aborted) await this.#rest(await this.#parts.check(), signal);
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
    if (!this.#said.isNews('watch', 'failed')) return;
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
    signal.addEventListener('abort', this.#wake);
    await this.#parts.clock.sleep(ms, waker.signal);
    signal.removeEventListener('abort', this.#wake);
  }
}
