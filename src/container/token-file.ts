import { rm } from 'node:fs/promises';
import { readIn } from '../files/open-file.ts';
import type { Place } from '../files/place.ts';
import { replaceFile } from '../files/replace-file.ts';
import { openSafePlace } from '../files/safe-place.ts';
import type { Secret } from '../foundation/secret.ts';
import { digestOf, type TokenDigest } from './token-rotation.ts';

// The file of one client's token, and FILE.previous with the digest of the previous token, so that
// a restart during the overlap does not invalidate it. Both are replaced atomically.

export interface TokenFileAccess {
  readonly mode: number;
  /** Absent: the daemon's own. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/**
 * The token in the file. Undefined if there is none, or if other users could have read or written
 * it. Such a token is replaced, never trusted.
 */
export async function readTokenFile(file: string, access: TokenFileAccess): Promise<TokenDigest | undefined> {
  return readPrivate(file, access, access, digestOf);
}

export async function readPrevious(file: string, access: TokenFileAccess): Promise<TokenDigest | undefined> {
  return readPrivate(`${file}.previous`, access, { mode: 0o600 }, (text) =>
    /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex') : undefined,
  );
}

/**
 * @param now - milliseconds since the epoch, stored as the file's time.
 * @throws CodedError of `fileErrors` for a place that others could redirect; the file system's
 * error.
 */
export async function writeTokenFile(file: string, access: TokenFileAccess, token: Secret, now: number): Promise<void> {
  await inPlace(file, access, (place) => replaceFile(place, { ...access, content: token.reveal(), modified: now }));
}

export async function writePrevious(
  file: string,
  access: TokenFileAccess,
  { digest, since }: TokenDigest,
): Promise<void> {
  await inPlace(`${file}.previous`, access, (place) =>
    replaceFile(place, { mode: 0o600, content: digest.toString('hex'), modified: since }),
  );
}

/** The tokens in it are no longer valid. */
export async function removeTokenFile(file: string, access: Partial<TokenFileAccess> = {}): Promise<void> {
  for (const name of [file, `${file}.previous`])
    await inPlace(name, access, (place) => rm(place.file)).catch(() => undefined);
}

/** The directory may belong to the user of the token. */
async function inPlace<T>(
  file: string,
  { uid }: Partial<TokenFileAccess>,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const place = await openSafePlace(file, { use: 'written', owner: uid });
  try {
    return await work(place);
  } finally {
    await place.close();
  }
}

async function readPrivate(
  file: string,
  access: TokenFileAccess,
  { mode, uid = process.geteuid?.() }: TokenFileAccess,
  digest: (text: string) => Buffer | undefined,
): Promise<TokenDigest | undefined> {
  try {
    return await inPlace(file, access, async (place) => {
      const read = await readIn(
        place,
        (stats) => stats.isFile() && stats.uid === uid && (stats.mode & 0o777) === mode && stats.size <= 100,
      );
      const found = read && digest(read.content.toString('latin1'));
      return found && { digest: found, since: read.stats.mtimeMs };
    });
  } catch {
    return undefined;
  }
}
