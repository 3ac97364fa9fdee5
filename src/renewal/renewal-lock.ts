/** Keeps renewals of one certificate apart: those of the daemon, and of the command `renew`. */
import { takeLock } from '../files/file-lock.ts';
import type { RenewableConfig } from './asked-program.ts';
import { renewalError } from './renewal-errors.ts';

/** For all but the program: a signature, a session, the files. */
const REST_MS = 120_000;

/**
 * Without a place for the lock, everyone proceeds: `writeRenewed` overwrites no other certificate.
 *
 * @throws CodedError RENEWAL_UNDERWAY, or what the work throws.
 */
export async function renewingAlone<T>(
  { certificate, renew }: Pick<RenewableConfig, 'certificate' | 'renew'>,
  now: number,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await takeLock(`${certificate}.lock`, renew.timeout * 1_000 + REST_MS, now, { use: 'written' }, {});
  if (!lock) throw renewalError('RENEWAL_UNDERWAY', `another process is renewing ${certificate}`);
  try {
    return await work();
  } finally {
    await lock.release().catch(() => undefined);
  }
}
