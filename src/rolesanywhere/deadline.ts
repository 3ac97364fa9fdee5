import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

export interface Deadline {
  readonly ms: number;
  /** Signal of the caller, who may give up earlier. */
  readonly signal: AbortSignal;
  /** The rejection after the deadline. */
  readonly late: (ms: number) => CodedError;
}

/**
 * Runs for at most `ms` milliseconds, or until the caller's signal aborts. Then `bounded` aborts,
 * and the promise rejects at once with the signal's reason, a CodedError, even if `run` ignores the
 * signal. AbortSignal.any is not used: on Node 20, a long-lived source keeps every combined signal
 * in memory.
 */
export async function withDeadline<T>(
  { ms, signal, late }: Deadline,
  run: (bounded: AbortSignal) => Promise<T>,
): Promise<T> {
  const bounded = new AbortController();
  const over = new Promise<never>((_, reject) => {
    bounded.signal.addEventListener('abort', () => {
      reject(asCodedError(bounded.signal.reason));
    });
  });
  const cancel = (): void => {
    bounded.abort(rolesAnywhereError('RA_CANCELLED', 'the call was cancelled'));
  };
  const timer = setTimeout(() => {
    bounded.abort(late(ms));
  }, ms);
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await Promise.race([over, run(bounded.signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}
