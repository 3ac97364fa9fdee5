import { setTimeout as delay } from 'node:timers/promises';

/** The source of time. Only loops own a clock; rules take `now` as a parameter. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Monotonic milliseconds: never steps, and may stop while the machine sleeps. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds, or as soon as `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const DAY_MS = 86_400_000;

/** Node runs longer timers at once, because the delay is a signed 32-bit integer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  // The same as performance.now(), which would load ten modules.
  monotonic: () => process.uptime() * 1000,
  sleep: (ms, signal) =>
    delay(Math.min(Math.max(ms, 0), LONGEST_TIMER_MS), undefined, signal ? { signal } : {}).catch(() => undefined),
};

/** `2026-11-22T15:54:00Z`: whole seconds and `Z`, the only form that every SDK parses. */
export function isoSeconds(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
