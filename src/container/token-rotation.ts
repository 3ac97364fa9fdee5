import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Secret } from '../foundation/secret.ts';

// When a client's token is replaced, and how long the previous one stays valid. SDKs read the file
// at each refresh of their credentials and use the token within seconds, or within a minute if they
// retry. Some programs take the token from the environment or read the file once, and keep it for
// their lifetime. No overlap is long enough for them, so their token does not rotate: `rotate:
// false`.

const ROTATION_MS = 24 * 3_600_000;
/** Four times what the most patient SDK needs. */
const OVERLAP_MS = 3_600_000;

/** Digest of a token. Only the file contains the token itself. */
export interface TokenDigest {
  readonly digest: Buffer;
  /** When it was written to the file, or removed from it; milliseconds since the epoch. */
  readonly since: number;
}

export interface ClientToken {
  readonly current?: TokenDigest | undefined;
  readonly previous?: TokenDigest | undefined;
}

/** 32 random bytes in base64url: safe in a header, and nothing to trim. */
const FORM = /^[A-Za-z0-9_-]{43}$/;

export function newToken(): { readonly token: Secret; readonly digest: Buffer } {
  const token = randomBytes(32).toString('base64url');
  return { token: new Secret(token), digest: sha256(token) };
}

/** Undefined for something that is not a token. */
export function digestOf(token: string): Buffer | undefined {
  return FORM.test(token) ? sha256(token) : undefined;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Compares both, whatever the first result is. */
export function accepts({ current, previous }: ClientToken, digest: Buffer, now: number): boolean {
  const isCurrent = current !== undefined && timingSafeEqual(current.digest, digest);
  const isPrevious = previous !== undefined && timingSafeEqual(previous.digest, digest);
  return isCurrent || (isPrevious && isWithin(previous.since, OVERLAP_MS, now));
}

/**
 * @param found - the token now in the file: another one, or none if the file was removed.
 * @param rotates - whether the token's age matters.
 */
export function isDue({ current }: ClientToken, found: TokenDigest | undefined, now: number, rotates = true): boolean {
  if (!current || !found?.digest.equals(current.digest)) return true;
  return rotates && !isWithin(current.since, ROTATION_MS, now);
}

/** Either sign: setting the clock back must not extend a moment to years. */
function isWithin(since: number, length: number, now: number): boolean {
  return Math.abs(now - since) < length;
}
