/** Ends resources after the tests of a file, even if no test ran; the last first. */
export class Endings {
  readonly #all: (() => unknown)[] = [];

  add(end: () => unknown): void {
    this.#all.unshift(end);
  }

  readonly run = async (): Promise<void> => {
    for (const end of this.#all.splice(0)) await end();
  };
}

/** Background work of a file's tests: everything starts at once, and each test checks its own part. */
export class BackgroundRuns<Report> {
  readonly #runs = new Map<string, Promise<Report>>();

  begin(name: string, run: Promise<Report>): void {
    // The test reports it. Until then it must not be an unhandled rejection.
    run.catch(() => undefined);
    this.#runs.set(name, run);
  }

  async of(name: string): Promise<Report> {
    const run = this.#runs.get(name);
    if (!run) throw new Error(`${name} never began`);
    return run;
  }

  async ended(): Promise<void> {
    await Promise.allSettled(this.#runs.values());
  }
}
