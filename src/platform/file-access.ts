import { stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../foundation/errors.ts';

/** A user of this host, or a user that systemd creates while a service runs, which owns nothing. */
export interface FileUser {
  readonly uid: number | undefined;
  readonly gids: readonly number[];
}

/**
 * Why a user cannot read a file, by the modes of the file and its directories. Undefined: the user
 * can, or it is unknown because the file is missing or not visible to this process. Ignores access
 * control lists.
 */
export function whyUnreadable(file: string, user: FileUser): Promise<string | undefined> {
  return whyDenied(file, READ, user);
}

/** How a process writes in a directory. */
export interface DirectoryUse {
  /** Creates missing directories. */
  readonly makes?: boolean;
  /** Accepts only a directory of its own user. */
  readonly owns?: boolean;
}

/** The same for creating files in a directory. */
export async function whyUnwritable(
  directory: string,
  user: FileUser,
  { makes = false, owns = false }: DirectoryUse = {},
): Promise<string | undefined> {
  const isThere = !makes || (await exists(directory));
  const target = isThere ? directory : await nearest(path.dirname(directory));
  return whyDenied(target, WRITE | SEARCH, user, isThere && owns);
}

/** The same for a file that is appended to, and created if it is missing. */
export async function whyUnappendable(file: string, user: FileUser): Promise<string | undefined> {
  return (await exists(file)) ? whyDenied(file, WRITE, user) : whyUnwritable(path.dirname(file), user);
}

/** Bits of a mode, for each of owner, group and others. */
const [READ, WRITE, SEARCH] = [0o4, 0o2, 0o1];

async function whyDenied(file: string, needed: number, user: FileUser, owns = false): Promise<string | undefined> {
  if (user.uid === 0) return undefined;
  const target = path.resolve(file);
  for (const each of [...above(target), target]) {
    const isTarget = each === target;
    try {
      const { mode, uid, gid } = await stat(each);
      const shift = uid === user.uid ? 6 : user.gids.includes(gid) ? 3 : 0;
      const bits = isTarget ? needed : SEARCH;
      if (((mode >> shift) & bits) !== bits || (isTarget && owns && uid !== user.uid))
        return `${each} has mode ${(mode & 0o7777).toString(8).padStart(4, '0')} and belongs to ${uid}:${gid}`;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

async function nearest(directory: string): Promise<string> {
  return (await exists(directory)) ? directory : nearest(path.dirname(directory));
}

/** What is not visible to this process may exist. */
async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    (error: unknown) => systemCodeOf(error) !== 'ENOENT',
  );
}

/** The directories that lead to a file, starting at the root. */
function above(file: string): string[] {
  const parent = path.dirname(file);
  return parent === file ? [] : [...above(parent), parent];
}
