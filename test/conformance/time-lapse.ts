import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { faketimeLibrary, sweepFaketime } from '../support/faketime.ts';

const STEP_SECONDS = 60;

/**
 * A clock on which a minute takes a second, for programs that take the time from the C library: libfaketime reads from a file by how
 * much it is ahead. What measures durations stays as it is.
 */
export class TimeLapse {
  readonly #directory: string;
  readonly #timer: NodeJS.Timeout;
  #ahead = 0;
  #stepping = Promise.resolve();
  /** Of the programs that are to go by this clock. */
  readonly environment: Record<string, string>;

  private constructor(directory: string, library: string) {
    this.#directory = directory;
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // With what it does for the waiting of threads, a Java machine hangs.
      FAKETIME_FORCE_MONOTONIC_FIX: '0',
      NO_FAKE_STAT: '1',
    };
    this.#timer = setInterval(() => {
      this.#stepping = this.#step();
    }, 1_000);
  }

  /** @throws Error in CI, where nothing may be missing. */
  static isPossible(): boolean {
    try {
      return faketimeLibrary() !== '';
    } catch (error) {
      if (process.env['CI']) throw error;
      return false;
    }
  }

  /** @throws Error where the machine has no libfaketime. */
  static async start(): Promise<TimeLapse> {
    const library = faketimeLibrary();
    const lapse = new TimeLapse(await mkdtemp(path.join(tmpdir(), 'imds-anywhere-clock-')), library);
    await lapse.#step();
    return lapse;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#stepping;
    await rm(this.#directory, { recursive: true });
  }

  get #file(): string {
    return path.join(this.#directory, 'ahead');
  }

  /** In one move: a clock read in between must not find an empty file. */
  async #step(): Promise<void> {
    this.#ahead += STEP_SECONDS;
    await writeFile(`${this.#file}.new`, `+${this.#ahead}s\n`);
    await rename(`${this.#file}.new`, this.#file);
    await sweepFaketime();
  }
}
