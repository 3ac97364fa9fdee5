import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { type Deadline, withDeadline } from '../../src/rolesanywhere/deadline.ts';

const late = (ms: number): CodedError => new CodedError('LATE', `${ms}`, 'Wait.');

/** Never ends by itself, nor for its signal. */
function endless(bounded: AbortSignal[]): (signal: AbortSignal) => Promise<never> {
  return (signal) => {
    bounded.push(signal);
    return new Promise(() => undefined);
  };
}

function deadline(signal = new AbortController().signal): Deadline {
  return { ms: 1_000, signal, late };
}

describe('a deadline', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('ends work that ignores its signal', async () => {
    const signals: AbortSignal[] = [];
    const ended = expect(withDeadline(deadline(), endless(signals))).rejects.toMatchObject({
      code: 'LATE',
      message: '1000',
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(signals[0]?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await ended;
    expect(signals[0]?.reason).toMatchObject({ code: 'LATE' });
  });

  it('leaves neither a timer nor a listener behind', async () => {
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    expect(await withDeadline(deadline(signal), () => Promise.resolve('done'))).toBe('done');
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledWith('abort', expect.any(Function));
    await expect(withDeadline(deadline(signal), () => Promise.reject(late(1)))).rejects.toMatchObject({ code: 'LATE' });
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledTimes(2);
  });

  it('ends when the caller gives up, before or during the work', async () => {
    for (const isEarly of [true, false]) {
      const [caller, signals] = [new AbortController(), [] as AbortSignal[]];
      if (isEarly) caller.abort();
      const ended = expect(withDeadline(deadline(caller.signal), endless(signals))).rejects.toMatchObject({
        code: 'RA_CANCELLED',
      });
      caller.abort();
      await ended;
      expect(signals[0]?.reason).toMatchObject({ code: 'RA_CANCELLED' });
    }
  });

  it('does not concern work that ended', async () => {
    const caller = new AbortController();
    let bounded: AbortSignal | undefined;
    await withDeadline(deadline(caller.signal), (signal) => {
      bounded = signal;
      return Promise.resolve();
    });
    caller.abort();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(bounded?.aborted).toBe(false);
  });
});
