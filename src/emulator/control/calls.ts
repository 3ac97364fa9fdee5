import { type Operation, OPERATIONS } from './faults.ts';

export interface CallCount {
  total: number;
  /** HTTP status -> answers. `dropped` counts calls without an answer. */
  readonly byStatus: Record<string, number>;
  /** The highest number of concurrent calls: 1 if callers take turns. */
  maxInFlight: number;
}

/** How often each operation was called, and with what outcome. */
export class Calls {
  #counts = noCalls();
  readonly #inFlight: Record<Operation, number> = {
    createSession: 0,
    assumeRole: 0,
    getCallerIdentity: 0,
    listBuckets: 0,
  };

  /** Counts a call. The result must be called with its outcome; only the first call of it counts. */
  begin(operation: Operation): (outcome: number | 'dropped') => void {
    const count = this.#counts[operation];
    count.total += 1;
    this.#inFlight[operation] += 1;
    count.maxInFlight = Math.max(count.maxInFlight, this.#inFlight[operation]);
    let ended = false;
    return (outcome) => {
      if (ended) return;
      ended = true;
      this.#inFlight[operation] -= 1;
      count.byStatus[outcome] = (count.byStatus[outcome] ?? 0) + 1;
    };
  }

  current(): Readonly<Record<Operation, CallCount>> {
    return this.#counts;
  }

  reset(): void {
    this.#counts = noCalls();
  }
}

function noCalls(): Record<Operation, CallCount> {
  const none = (): CallCount => ({ total: 0, byStatus: {}, maxInFlight: 0 });
  return Object.fromEntries(OPERATIONS.map((operation) => [operation, none()])) as Record<Operation, CallCount>;
}
