import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { Place } from './place.ts';

export interface NewFile {
  readonly content: string | Buffer;
  readonly mode: number;
  /** Absent: this user's own. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Milliseconds since the epoch; absent: now. */
  readonly modified?: number;
  /** Called after writing: whether the file is still wanted. */
  readonly isWanted?: () => Promise<boolean>;
}

/**
 * Replaces a file atomically: readers get the old or the new content, even after a power failure.
 * Other users cannot open it before it is complete and has its owner and mode, which are set by
 * descriptor.
 *
 * @returns whether it was still wanted.
 * @throws the system's error; then nothing is left over.
 */
export async function replaceFile({ directory, file }: Place, wanted: NewFile): Promise<boolean> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeThrough(temporary, wanted);
    if (wanted.isWanted && !(await wanted.isWanted())) return false;
    await rename(temporary, file);
    await syncDirectory(directory);
    return true;
  } finally {
    // After the rename, this name no longer exists.
    await rm(temporary).catch(() => undefined);
  }
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function writeThrough(file: string, { content, mode, uid, gid, modified }: NewFile): Promise<void> {
  const handle = await open(file, NEW, 0o600);
  try {
    await handle.writeFile(content);
    if (modified !== undefined) await handle.utimes(modified / 1_000, modified / 1_000);
    await giveTo(handle, uid, gid);
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** By descriptor, because the name could refer to another file by now. */
async function giveTo(handle: FileHandle, uid: number | undefined, gid: number | undefined): Promise<void> {
  if (uid === undefined && gid === undefined) return;
  const own = await handle.stat();
  if ((uid ?? own.uid) !== own.uid || (gid ?? own.gid) !== own.gid) await handle.chown(uid ?? own.uid, gid ?? own.gid);
}

/**
 * Without it, a power failure may undo the rename. Some network file systems do not support it, and
 * the file is complete in any case.
 */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(`${directory}/.`, constants.O_RDONLY | constants.O_DIRECTORY).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
