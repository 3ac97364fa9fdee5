import { KeyFailure } from './key-errors.ts';

/** Far more than the number of roles that renew at the same time. */
const MOST_WAITING = 32;

interface Line {
  length: number;
  /** Resolves after the last one in the queue; never rejects. */
  end: Promise<unknown>;
}

/** A queue for each device, because devices handle one request at a time. First come, first served. */
export class Turns {
  readonly #lines = new Map<string, Line>();

  /** @throws KeyFailure KEY_QUEUE_FULL, the signal's reason, or errors of `work`. */
  async take<Value>(device: string, work: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    const line = this.#lines.get(device) ?? { length: 0, end: Promise.resolve() };
    if (line.length >= MOST_WAITING)
      throw new KeyFailure('KEY_QUEUE_FULL', `${line.length} signatures wait for ${device}`, { retry: 'soon' });
    this.#lines.set(device, line);
    line.length += 1;
    const turn = line.end.then(() => {
      signal.throwIfAborted();
      return work();
    });
    line.end = turn
      .catch(() => undefined)
      .then(() => {
        line.length -= 1;
        if (line.length === 0) this.#lines.delete(device);
      });
    return unlessAborted(turn, signal);
  }
}

/** An aborted caller leaves the queue at once. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const left = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const leave = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true, signal: left.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    left.abort();
  }
}
