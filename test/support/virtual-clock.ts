import type { Clock } from '../../src/foundation/clock.ts';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A clock that moves only by `advance`. Sleepers wake in order, each at its own time. */
export class VirtualClock implements Clock {
  #now: number;
  /** The sum of all steps of the wall clock. */
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
      // A signal may live as long as a test, and get thousands of listeners.
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      this.#sleepers.push({ wakeAt: this.#now + Math.max(ms, 0), wake });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  get hasSleepers(): boolean {
    return this.#sleepers.length > 0;
  }

  /** Advances time by `ms`, and runs everything that wakes meanwhile at its time. */
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

  /** A step of the wall clock. No sleeper wakes, because no time has passed. */
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
