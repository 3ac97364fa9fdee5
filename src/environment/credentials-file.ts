import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import { readIn } from '../files/open-file.ts';
import { fileErrors } from '../files/file-errors.ts';
import type { Place } from '../files/place.ts';
import { replaceFile } from '../files/replace-file.ts';
import { openSafePlace, type Use } from '../files/safe-place.ts';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { environmentError } from './environment-errors.ts';

const MOST_TRIES = 5;

/**
 * Changes a file as a whole: readers get the old text or the new. Mode and owner stay; a new one has mode 0600. Nobody is kept from
 * writing meanwhile; if that is seen, the change is made again to what is there then.
 *
 * A link stays one, and the file it leads to is changed, if only root or this user could have made it. Root may change a file in
 * a user's own directory; what is read there is written back for the owner that it was read from.
 *
 * @throws CodedError CREDENTIALS_FILE_NOT_WRITTEN, CREDENTIALS_FILE_FOREIGN
 */
export async function changeCredentialsFile(named: string, change: (text: string) => string): Promise<void> {
  try {
    const place = await openSafePlace(named, IN_HOME, { followLast: true, make: 0o700 });
    try {
      await changeIn(place, named, change);
    } finally {
      await place.close();
    }
  } catch (error) {
    if (error instanceof CodedError && error.code in fileErrors)
      throw environmentError('CREDENTIALS_FILE_FOREIGN', `${named}: ${error.message}`, error);
    if (error instanceof CodedError) throw error;
    const reason = systemCodeOf(error) ?? 'unknown reason';
    throw environmentError('CREDENTIALS_FILE_NOT_WRITTEN', `${named} cannot be changed (${reason})`, error);
  }
}

/** The home it is in may be another user's, where root changes it. */
export const IN_HOME: Use = { use: 'written', inHome: true };

async function changeIn(place: Place, named: string, change: (text: string) => string): Promise<void> {
  for (let tries = 1; !(await isChanged(place, named, change)); tries += 1)
    if (tries === MOST_TRIES) throw environmentError('CREDENTIALS_FILE_NOT_WRITTEN', `${named} keeps changing`);
}

/** @returns whether it was done; not when another program was faster. */
async function isChanged(place: Place, named: string, change: (text: string) => string): Promise<boolean> {
  const before = await readCredentials(place, named);
  return replaceFile(place, {
    content: changed(before?.content ?? Buffer.alloc(0), change),
    mode: before ? before.stats.mode & 0o777 : 0o600,
    // Another owner only where root changes a user's file; who may not do that must not take the file away from them either.
    uid: before?.stats.uid,
    gid: before?.stats.gid,
    isWanted: async () => {
      const now = await readCredentials(place, named);
      return before ? now !== undefined && now.content.equals(before.content) : now === undefined;
    },
  });
}

/** Content and owner are of the same open file. Undefined: there is none. */
async function readCredentials(
  place: Place,
  named: string,
): Promise<{ readonly content: Buffer; readonly stats: Stats } | undefined> {
  try {
    const read = await readIn(place, (stats) => stats.isFile());
    if (read) return read;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'ENOENT') return undefined;
    if (code !== 'ELOOP') throw error;
  }
  throw environmentError('CREDENTIALS_FILE_FOREIGN', `${named} is not a regular file`);
}

/** Every byte of it may stay, whatever it is: what is no UTF-8 has a character for each. */
function changed(content: Buffer, change: (text: string) => string): Buffer {
  const encoding = isUtf8(content) ? 'utf8' : 'latin1';
  return Buffer.from(change(content.toString(encoding)), encoding);
}
