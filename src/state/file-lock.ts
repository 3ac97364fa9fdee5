import { constants } from 'node:fs';
import { lstat, open, rm } from 'node:fs/promises';
import { readIn } from '../files/open-file.ts';
import type { Place } from '../files/place.ts';
import { openSafePlace, type Use } from '../files/safe-place.ts';
import type { Clock } from '../foundation/clock.ts';
import { systemCodeOf } from '../foundation/errors.ts';

export interface Lock {
  /** Lets the next one have it. */
  release(): Promise<void>;
  /** Nobody gets it before it is as old as a lock gets. */
  rest(): Promise<void>;
}

/**
 * Takes a lock between the processes of a user, or gives undefined where another one has it. It is a file that only one can create,
 * with the number of its process.
 *
 * It saves work and protects nothing: a lock whose process has ended, or that is older than `longestMs`, is taken over, and where
 * none can be made everybody has it. Two that take over the same one at the same moment may both believe to have it.
 *
 * @param now - milliseconds since the epoch.
 */
export async function takeLock(
  file: string,
  longestMs: number,
  now: number,
  use: Use = { use: 'written' },
): Promise<Lock | undefined> {
  const inPlace = async <T>(work: (place: Place) => Promise<T>): Promise<T> => {
    const place = await openSafePlace(file, use, { make: 0o700 });
    return work(place).finally(place.close);
  };
  try {
    if (!(await inPlace((place) => isTaken(place, longestMs, now)))) return undefined;
  } catch {
    return NO_LOCK;
  }
  return {
    release: () => inPlace((place) => rm(place.file, { force: true })),
    // A lock without a process is left alone until its time is over.
    rest: () => inPlace((place) => emptied(place.file)).catch(() => undefined),
  };
}

async function isTaken(place: Place, longestMs: number, now: number): Promise<boolean> {
  if (await isLeft(place, longestMs, now)) await rm(place.file, { force: true });
  return isNew(place.file);
}

const LOOK_EVERY_MS = 50;

/**
 * Does some work alone among the processes that ask for the same lock. Who has waited for longer than anybody may have it goes on
 * without.
 */
export async function whileLocked<T>(
  file: string,
  { longestMs, clock, use }: { readonly longestMs: number; readonly clock: Clock; readonly use?: Use },
  work: () => Promise<T>,
): Promise<T> {
  const giveUpAt = clock.monotonic() + longestMs;
  let lock = await takeLock(file, longestMs, clock.now(), use);
  while (!lock && clock.monotonic() < giveUpAt) {
    await clock.sleep(LOOK_EVERY_MS);
    lock = await takeLock(file, longestMs, clock.now(), use);
  }
  try {
    return await work();
  } finally {
    await lock?.release();
  }
}

const NO_LOCK: Lock = { release: () => Promise.resolve(), rest: () => Promise.resolve() };

/** Makes it, unless it is there. */
async function isNew(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`${process.pid}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Only the lock itself: a link in its place could lead to any file. */
async function emptied(file: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if ((await handle.stat()).isFile()) await handle.truncate(0);
  } finally {
    await handle.close();
  }
}

/** Longer ones hold no process number. */
const MOST_BYTES = 100;

/** Whether the process that made it is gone. One that was just made may still be empty. */
async function isLeft(place: Place, longestMs: number, now: number): Promise<boolean> {
  try {
    const { mtimeMs } = await lstat(place.file);
    if (Math.abs(now - mtimeMs) > longestMs) return true;
    const read = await readIn(place, (stats) => stats.isFile() && stats.size <= MOST_BYTES);
    return read !== undefined && hasEnded(Number(read.content));
  } catch (error) {
    // There is none; or a link, which is left alone.
    if (['ENOENT', 'ELOOP'].includes(systemCodeOf(error) ?? '')) return false;
    throw error;
  }
}

function hasEnded(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCodeOf(error) === 'ESRCH';
  }
}
