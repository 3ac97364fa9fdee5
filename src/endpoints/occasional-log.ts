import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayRarely } from '../foundation/say-once.ts';

/**
 * Logs events that any client can cause: at most one line a minute for each code, so that they
 * cannot fill a disk.
 */
export function occasionalLog(log: Log, clock: Pick<Clock, 'now'>, message: string): (error: CodedError) => void {
  const said = new SayRarely();
  return (error) => {
    if (said.isDue(error.code, clock.now())) log('warn', message, failureFields(error));
  };
}
