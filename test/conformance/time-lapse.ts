import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { faketimeLibrary, sweepFaketime } from '../support/faketime.ts';

const STEP_SECONDS = 60;

/**
 * A clock on which a minute takes a second, for programs that get the time from the C library:
 * libfaketime reads the offset from a file. Monotonic clocks do not change.
 */
export class TimeLapse {
  readonly #directory: string;
  readonly #timer: NodeJS.Timeout;
  #ahead = 0;
  #stepping = Promise.resolve();
  /** Environment of the programs that use this clock. */
  readonly environment: Record<string, string>;

  private constructor(directory: string, library: string) {
    this.#directory = directory;
    this.environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      // A Java machine hangs if thread waits use the changed clock too.
      FAKETIME_FORCE_MONOTONIC_FIX: '0',
      NO_FAKE_STAT: '1',
    };
    this.#timer = setInterval(() => {
      // One after the other: on a busy machine a step can take longer than a second.
      this.#stepping = this.#stepping.then(() => this.#step());
    }, 1_000);
  }

  /** @throws Error in CI, where no tool may be missing. */
  static isPossible(): boolean {
    try {
      return faketimeLibrary() !== '';
    } catch (error) {
      if (process.env['CI']) throw error;
      return false;
    }
  }

  /** @throws Error if the machine has no libfaketime. */
  static async start(): Promise<TimeLapse> {
    const library = faketimeLibrary();
    const lapse = new TimeLapse(await mkdtemp(path.join(tmpdir(), 'imds-anywhere-clock-')), library);
    lapse.#stepping = lapse.#step();
    await lapse.#stepping;
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

  /** Atomically: a program that reads the clock in between must not find an empty file. */
  async #step(): Promise<void> {
    this.#ahead += STEP_SECONDS;
    await writeFile(`${this.#file}.new`, `+${this.#ahead}s\n`);
    await rename(`${this.#file}.new`, this.#file);
    await sweepFaketime();
  }
}
