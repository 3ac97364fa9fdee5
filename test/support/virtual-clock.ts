import type { Clock } from '../../src/foundation/clock.ts';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until `advance` moves it; sleepers wake in order, each at its own moment. */
export class VirtualClock implements Clock {
  #now: number;
  /** What steps have added to the wall clock. */
  #stepped = 0;
  #sleepers: Sleeper[] = [];

  constructor(startAt: number | string = '2026-11-22T12:00:00Z') {
    this.#now = new Date(startAt).getTime();
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#stepped;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter(({ wake: other }) => other !== wake);
        resolve();
      };
      // A signal may live as long as a test, and hear of thousands of sleeps.
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      this.#sleepers.push({ wakeAt: this.#now + Math.max(ms, 0), wake });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Moves time on by `ms`, letting everything that wakes on the way run at its moment. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (let next = this.#next(target); next; next = this.#next(target)) {
      this.#now = next.wakeAt;
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
      next.wake();
      await settle();
    }
    this.#now = target;
  }

  /** A step of the wall clock: nobody wakes, as nobody slept longer. */
  step(ms: number): void {
    this.#now += ms;
    this.#stepped += ms;
    this.#sleepers = this.#sleepers.map((sleeper) => ({ ...sleeper, wakeAt: sleeper.wakeAt + ms }));
  }

  #next(target: number): Sleeper | undefined {
    return this.#sleepers
      .filter((sleeper) => sleeper.wakeAt <= target)
      .sort((left, right) => left.wakeAt - right.wakeAt)
      .at(0);
  }
}

/** Lets pending promise reactions run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
