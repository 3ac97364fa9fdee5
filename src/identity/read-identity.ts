import { setTimeout as pause } from 'node:timers/promises';
import type { IdentityConfig } from '../config/config.ts';
import { identityInThread } from './identity-in-thread.ts';
import { type IdentityFiles, identityFrom, type LoadContext, readIdentityFiles } from './load-identity.ts';
import type { LoadedIdentity } from './signing-identity.ts';
import type { ReadIdentity } from './watched-identity.ts';

/** A local file takes a millisecond. The thread has a deadline for slower files. */
const SOON_MS = 1_000;

/**
 * Reads an identity for the daemon. Most are a few PEM blocks without a passphrase. They take
 * milliseconds, far less than starting a thread with its memory. Anything that may take longer gets
 * a thread.
 *
 * @throws CodedError of `loadIdentity`, and FILES_SLOW.
 */
export async function readIdentity(
  config: IdentityConfig,
  context: LoadContext,
  signal: AbortSignal,
  inThread: ReadIdentity = identityInThread,
): Promise<LoadedIdentity> {
  signal.throwIfAborted();
  const files = config.passphrase ? undefined : await soon(readIdentityFiles(config));
  const hasSvid = context.outside?.svid !== undefined;
  return files && isQuick(files, hasSvid) ? identityFrom(files, config, context) : inThread(config, context, signal);
}

async function soon<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  const over = new AbortController();
  const late = pause(SOON_MS, undefined, { signal: over.signal }).catch(() => undefined);
  return Promise.race([reading, late]).finally(() => {
    over.abort();
  });
}

/**
 * A certificate, its key, five intermediates and a root. The check compares each certificate with
 * each other one.
 */
const MOST_BLOCKS = 8;
/** With ML-DSA keys, a block takes 10 kB, and there may be text between the blocks. */
const MOST_BYTES = 64 * 1024;

/** Small PEM files, or an SVID. DER starts with a byte that is the digit 0 in text. */
function isQuick(
  { certificate, privateKey, intermediates, trustAnchorBundle }: IdentityFiles,
  hasSvid: boolean,
): boolean {
  const files = [certificate, privateKey, intermediates, trustAnchorBundle].flatMap((file) => file ?? []);
  const contents = [...new Set(files)].map(({ content }) => content);
  const bytes = contents.reduce((sum, { length }) => sum + length, 0);
  if (bytes > MOST_BYTES || contents.some(([first]) => first === 0x30)) return false;
  const blocks = contents.join('').split('-----BEGIN ').length - 1;
  return (blocks > 0 || hasSvid) && blocks <= MOST_BLOCKS;
}
