import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { environmentError } from './environment-errors.ts';

const MOST_TRIES = 5;

/**
 * Changes a file as a whole: whoever reads gets the old text or the new. Mode and owner stay; a new one has mode 0600. Nobody is kept
 * from writing meanwhile; if that is seen, the change is made again to what is there then.
 *
 * @throws CodedError CREDENTIALS_FILE_NOT_WRITTEN, CREDENTIALS_FILE_FOREIGN
 */
export async function changeCredentialsFile(named: string, change: (text: string) => string): Promise<void> {
  try {
    const file = await targetOf(named);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    for (let tries = 1; !(await isChanged(file, change)); tries += 1)
      if (tries === MOST_TRIES) throw environmentError('CREDENTIALS_FILE_NOT_WRITTEN', `${file} keeps changing`);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const reason = systemCodeOf(error) ?? 'unknown reason';
    throw environmentError('CREDENTIALS_FILE_NOT_WRITTEN', `${named} cannot be changed (${reason})`, error);
  }
}

/** A link stays one, and the file it leads to is changed, if whoever made the link may lead this user. */
async function targetOf(named: string): Promise<string> {
  const stats = await unlessMissing(lstat(named));
  if (!stats?.isSymbolicLink()) return named;
  const self = process.getuid?.();
  if (self !== undefined && stats.uid !== self && stats.uid !== 0)
    throw environmentError('CREDENTIALS_FILE_FOREIGN', `${named} is a link that user ${stats.uid} has made`);
  return realpath(named);
}

/** @returns whether it was done; not when somebody else was faster. */
async function isChanged(file: string, change: (text: string) => string): Promise<boolean> {
  const stats = await unlessMissing(stat(file));
  if (stats && !stats.isFile()) throw environmentError('CREDENTIALS_FILE_FOREIGN', `${file} is no regular file`);
  const before = await unlessMissing(readFile(file));
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeNew(temporary, changed(before ?? Buffer.alloc(0), change), stats);
    const now = await unlessMissing(readFile(file));
    if (before ? !now?.equals(before) : now) return false;
    await rename(temporary, file);
    return true;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Every byte of it may stay, whatever it is: what is no UTF-8 has a character for each. */
function changed(content: Buffer, change: (text: string) => string): Buffer {
  const encoding = isUtf8(content) ? 'utf8' : 'latin1';
  return Buffer.from(change(content.toString(encoding)), encoding);
}

async function writeNew(file: string, content: Buffer, like: Stats | undefined): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    // Another owner only where root changes a user's file; who may not do that must not take the file away from them either.
    if (like && (like.uid !== process.getuid?.() || like.gid !== process.getgid?.()))
      await handle.chown(like.uid, like.gid);
    if (like) await handle.chmod(like.mode & 0o777);
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlessMissing<T>(looking: Promise<T>): Promise<T | undefined> {
  return looking.catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}
