import { type Clock, systemClock } from '../../src/foundation/clock.ts';

/** A clock that runs so many times as fast: real files with rules of ten and thirty seconds, in tenths of one. */
export function fastClock(times: number, startAt = Date.now()): Clock {
  const begun = performance.now();
  const passed = (): number => (performance.now() - begun) * times;
  return {
    now: () => startAt + passed(),
    monotonic: passed,
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  };
}
