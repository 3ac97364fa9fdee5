import { setTimeout as delay } from 'node:timers/promises';

/** Where time comes from. Only loops own a clock; rules take `now` as a parameter. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment; never steps, and may stand still while the machine sleeps. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` aborts; it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Longer timers fire at once in Node: the delay is a signed 32-bit integer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    delay(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), undefined, signal ? { signal } : {}).catch(() => undefined),
};

/** `2026-11-22T15:54:00Z`: whole seconds and `Z`, the one form every SDK parses. */
export function isoSeconds(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
