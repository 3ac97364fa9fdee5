import path from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import { fileError } from '../files/file-errors.ts';
import type { CodedError } from '../foundation/errors.ts';
import { errorFrom, type ErrorParts, runInThread } from '../foundation/thread.ts';
import type { LoadContext } from './load-identity.ts';
import type { LoadedIdentity, SigningIdentity } from './signing-identity.ts';

export interface IdentityThreadInput {
  readonly config: IdentityConfig;
  readonly context: LoadContext;
}

/** Buffers arrive as plain byte arrays, and nothing is frozen. */
export interface ClonedIdentity {
  readonly identity: SigningIdentity;
  readonly warnings: readonly ErrorParts[];
}

/** Enough for the most expensive accepted key derivation. A hanging file system is given up. */
const DEADLINE_MS = 60_000;

/**
 * `loadIdentity` in its own thread. Deriving the key of an encrypted file takes up to seconds,
 * PKCS#12 loads a library that is used only briefly, and a chain can have hundreds of certificates.
 * None of this may block the thread that answers requests.
 *
 * @throws CodedError of `loadIdentity`, and FILES_SLOW.
 */
export async function identityInThread(
  config: IdentityConfig,
  { now, environment, outside }: LoadContext,
  signal: AbortSignal,
): Promise<LoadedIdentity> {
  // A copy, because process.env itself cannot be cloned.
  const input: IdentityThreadInput = {
    config,
    context: { now, environment: { ...environment }, ...(outside && { outside }) },
  };
  const late = (): CodedError =>
    fileError('FILES_SLOW', `certificate and key were not read within ${DEADLINE_MS / 1000} s`);
  const module = path.join(import.meta.dirname, 'identity-thread.js');
  return revived(await runInThread(module, input, { signal, memoryMb: 128, deadlineMs: DEADLINE_MS, late }));
}

function revived(cloned: unknown): LoadedIdentity {
  const { identity, warnings } = cloned as ClonedIdentity;
  const certificate = Buffer.from(identity.certificate);
  const chain = Object.freeze(identity.chain.map((der) => Buffer.from(der)));
  return { identity: Object.freeze({ ...identity, certificate, chain }), warnings: warnings.map(errorFrom) };
}
