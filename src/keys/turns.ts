import { KeyFailure } from './key-errors.ts';

/** Far more than there are roles that renew at the same moment. */
const MOST_WAITING = 32;

interface Line {
  length: number;
  /** Ends with the last in the line; never rejects. */
  end: Promise<unknown>;
}

/** Work on devices that take one thing at a time: first come, first served, and each device has its own line. */
export class Turns {
  readonly #lines = new Map<string, Line>();

  /** @throws KeyFailure KEY_QUEUE_FULL, the signal's reason, or what `work` rejects with. */
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

/** Who waits in the line leaves it at once. */
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
