import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { systemCodeOf } from '../foundation/errors.ts';
import type { Place } from './place.ts';
import { openSafePlace } from './safe-place.ts';

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Creates a file for a command, also of root in the directory of another user, whose links are not
 * followed. If there is no content, it is removed again.
 *
 * @param content - called once the file exists: what cannot be written down must not be made.
 * @throws CodedError of `fileErrors`, the system's error, or that of `content`.
 */
export async function createFile(named: string, content: () => Promise<string>, mode = 0o600): Promise<void> {
  const place = await openSafePlace(named, { use: 'written', inHome: true });
  try {
    await fill(place, content, mode);
  } catch (error) {
    throw systemCodeOf(error) === 'EEXIST' ? new Error(`${named} exists`, { cause: error }) : error;
  } finally {
    await place.close();
  }
}

async function fill({ file }: Place, content: () => Promise<string>, mode: number): Promise<void> {
  const handle = await open(file, NEW, mode);
  try {
    await handle.writeFile(await content());
    await handle.sync();
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
