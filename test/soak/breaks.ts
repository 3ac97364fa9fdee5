import { setTimeout as delay } from 'node:timers/promises';

/** Makes pauses of so many seconds, which say whether to go on: not when the signal has aborted, and then at once. */
export function breaks(signal: AbortSignal): (seconds: number) => Promise<boolean> {
  return async (seconds) => {
    await delay(seconds * 1000, undefined, { signal }).catch(() => undefined);
    return !signal.aborted;
  };
}
