import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import { fileErrors } from '../files/file-errors.ts';
import { readIn } from '../files/open-file.ts';
import type { Place } from '../files/place.ts';
import { replaceFile } from '../files/replace-file.ts';
import { openSafePlace, type Use } from '../files/safe-place.ts';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { environmentError } from './environment-errors.ts';

const MOST_TRIES = 5;

/**
 * Replaces a file atomically: readers get the old or the new text. Keeps mode and owner; a new file
 * has mode 0600. Other programs may write meanwhile. If that is detected, the change is made again
 * to their version.
 *
 * A link stays a link, and its target is changed, if only root or this user could have created the
 * link. Root may change a file in a user's home directory. The new content keeps the owner of the
 * content that was read.
 *
 * @throws CodedError CREDENTIALS_FILE_NOT_WRITTEN, CREDENTIALS_FILE_FOREIGN, CREDENTIALS_FILE_ENCODING
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

/** Root may change a file in another user's home directory. */
export const IN_HOME: Use = { use: 'written', inHome: true };

async function changeIn(place: Place, named: string, change: (text: string) => string): Promise<void> {
  for (let tries = 1; !(await isChanged(place, named, change)); tries += 1)
    if (tries === MOST_TRIES) throw environmentError('CREDENTIALS_FILE_NOT_WRITTEN', `${named} keeps changing`);
}

/** @returns whether it was written; false if another program was faster. */
async function isChanged(place: Place, named: string, change: (text: string) => string): Promise<boolean> {
  const before = await readCredentials(place, named);
  return replaceFile(place, {
    content: changed(before?.content ?? Buffer.alloc(0), named, change),
    mode: before ? before.stats.mode & 0o777 : 0o600,
    // Changes the owner only if root writes a user's file. Without that permission, fail: the file
    // must not change its owner.
    uid: before?.stats.uid,
    gid: before?.stats.gid,
    isWanted: async () => {
      const now = await readCredentials(place, named);
      return before ? now !== undefined && now.content.equals(before.content) : now === undefined;
    },
  });
}

/** Content and owner come from the same open file. Undefined: there is no file. */
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

/** Keeps every byte, even invalid UTF-8, as one character each. */
function changed(content: Buffer, named: string, change: (text: string) => string): Buffer {
  if (content.includes(0)) throw environmentError('CREDENTIALS_FILE_ENCODING', `${named} is UTF-16, or no text`);
  const encoding = isUtf8(content) ? 'utf8' : 'latin1';
  return Buffer.from(change(content.toString(encoding)), encoding);
}
