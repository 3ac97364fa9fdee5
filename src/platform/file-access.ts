import { stat } from 'node:fs/promises';
import path from 'node:path';

/** A user of this host, or one that systemd makes for the time a service runs: that one owns nothing. */
export interface FileUser {
  readonly uid: number | undefined;
  readonly gids: readonly number[];
}

/**
 * Why a user cannot read a file, as the modes of the file and of the directories above it have it. Undefined: it can, or nothing is known,
 * as the file is not there or this process sees less itself. Access control lists are not seen.
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

/** The directories that lead to a file, from the root on. */
function above(file: string): string[] {
  const parent = path.dirname(file);
  return parent === file ? [] : [...above(parent), parent];
}
