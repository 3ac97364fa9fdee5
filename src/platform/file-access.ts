import { stat } from 'node:fs/promises';
import path from 'node:path';

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
export async function whyUnreadable(file: string, user: FileUser): Promise<string | undefined> {
  if (user.uid === 0) return undefined;
  const target = path.resolve(file);
  for (const each of [...above(target), target]) {
    const isFile = each === target;
    try {
      const { mode, uid, gid } = await stat(each);
      const shift = uid === user.uid ? 6 : user.gids.includes(gid) ? 3 : 0;
      if (((mode >> shift) & (isFile ? 0o4 : 0o1)) === 0)
        return `${each} has mode ${(mode & 0o7777).toString(8).padStart(4, '0')} and belongs to ${uid}:${gid}`;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** The directories that lead to a file, starting at the root. */
function above(file: string): string[] {
  const parent = path.dirname(file);
  return parent === file ? [] : [...above(parent), parent];
}
