import { setTimeout as delay } from 'node:timers/promises';

/**
 * Pauses of the given seconds. Each returns whether to continue: false when the signal has aborted,
 * at once.
 */
export function breaks(signal: AbortSignal): (seconds: number) => Promise<boolean> {
  return async (seconds) => {
    await delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  };
}
