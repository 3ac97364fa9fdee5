import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

export interface Deadline {
  readonly ms: number;
  /** The caller's, who may give up before. */
  readonly signal: AbortSignal;
  /** What the promise rejects with when the time is over. */
  readonly late: (ms: number) => CodedError;
}

/**
 * Runs for `ms` milliseconds at most, or until the caller's signal aborts; then `bounded` aborts and the promise rejects at once,
 * with the CodedError that is the signal's reason, whether or not `run` listens.
 * Not AbortSignal.any: on Node 20 every combined signal stays referenced by its long-lived source.
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
