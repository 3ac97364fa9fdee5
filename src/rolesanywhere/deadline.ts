import { asCodedError } from '../foundation/errors.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/**
 * Runs for `ms` milliseconds at most, or until the caller's signal aborts; then `bounded` aborts and the promise rejects at once,
 * with the CodedError that is the signal's reason, whether or not `run` listens.
 * Not AbortSignal.any: on Node 20 every combined signal stays referenced by its long-lived source.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  run: (bounded: AbortSignal) => Promise<T>,
): Promise<T> {
  const bounded = new AbortController();
  const over = new Promise<never>((_, reject) => {
    bounded.signal.addEventListener('abort', () => {
      reject(asCodedError(bounded.signal.reason));
    });
  });
  const cancel = (): void => {
    bounded.abort(rolesAnywhereError('RA_CANCELLED', 'the call was given up'));
  };
  const timer = setTimeout(() => {
    bounded.abort(rolesAnywhereError('RA_DEADLINE_EXCEEDED', `no whole answer within ${ms / 1000} seconds`));
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
