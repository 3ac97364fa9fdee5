import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';

const QUIET_MS = 60_000;

/** Logs what strangers can cause: at most one line a minute for each code, so that nobody can fill a disk with it. */
export function occasionalLog(log: Log, clock: Pick<Clock, 'now'>, message: string): (error: CodedError) => void {
  const loggedAt = new Map<string, number>();
  return (error) => {
    const now = clock.now();
    // A difference of either sign: a clock set back must not silence the code for longer.
    if (Math.abs(now - (loggedAt.get(error.code) ?? -Infinity)) < QUIET_MS) return;
    loggedAt.set(error.code, now);
    log('warn', message, failureFields(error));
  };
}
