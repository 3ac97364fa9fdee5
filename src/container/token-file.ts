import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chown, open, rename, rm, type FileHandle } from 'node:fs/promises';
import type { Secret } from '../foundation/secret.ts';
import { digestOf, type TokenDigest } from './token-rotation.ts';

// The file of one client's token, and beside it FILE.previous with the digest of the token before, so that a restart within the
// overlap does not end it. Both are replaced as a whole.

export interface TokenFileAccess {
  readonly mode: number;
  /** Absent: the daemon's own. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/**
 * The token in the file. Undefined where there is none, or where others than those it is meant for could have read or written it:
 * such a one is replaced, never believed.
 */
export async function readTokenFile(file: string, access: TokenFileAccess): Promise<TokenDigest | undefined> {
  return readPrivate(file, access, digestOf);
}

export async function readPrevious(file: string): Promise<TokenDigest | undefined> {
  return readPrivate(`${file}.previous`, { mode: 0o600 }, (text) =>
    /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex') : undefined,
  );
}

/** @param now - milliseconds since the epoch, kept as the file's time. @throws the file system's error. */
export async function writeTokenFile(file: string, access: TokenFileAccess, token: Secret, now: number): Promise<void> {
  await replace(file, token.reveal(), access, now);
}

export async function writePrevious(file: string, { digest, since }: TokenDigest): Promise<void> {
  await replace(`${file}.previous`, digest.toString('hex'), { mode: 0o600 }, since);
}

/** The tokens in it are worth nothing any more. */
export async function removeTokenFile(file: string): Promise<void> {
  for (const name of [file, `${file}.previous`]) await rm(name, { force: true }).catch(() => undefined);
}

async function readPrivate(
  file: string,
  { mode, uid = process.geteuid?.() }: TokenFileAccess,
  digest: (text: string) => Buffer | undefined,
): Promise<TokenDigest | undefined> {
  let handle: FileHandle | undefined;
  try {
    // A link could lead to anything, and a pipe block for ever.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (!stats.isFile() || stats.uid !== uid || (stats.mode & 0o777) !== mode || stats.size > 100) return undefined;
    const found = digest(await handle.readFile('latin1'));
    return found && { digest: found, since: stats.mtimeMs };
  } catch {
    return undefined;
  } finally {
    await handle?.close();
  }
}

/** Nobody else can open the file before it is whole and has its owner and mode. */
async function replace(file: string, content: string, access: TokenFileAccess, now: number): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.utimes(now / 1_000, now / 1_000);
      await handle.chmod(access.mode);
    } finally {
      await handle.close();
    }
    if (access.uid !== undefined || access.gid !== undefined)
      await chown(temporary, access.uid ?? -1, access.gid ?? -1);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
