import { constants } from 'node:fs';
import { lstat, open, rm } from 'node:fs/promises';
import type { Clock } from '../foundation/clock.ts';
import { systemCodeOf } from '../foundation/errors.ts';
import { readIn } from './open-file.ts';
import type { Place, PlaceOptions } from './place.ts';
import { openSafePlace, type Use } from './safe-place.ts';

export interface Lock {
  /** Releases the lock. */
  release(): Promise<void>;
  /** Keeps the lock until it is as old as a lock can get. */
  rest(): Promise<void>;
}

/**
 * Takes a lock between the processes of a user; undefined if another process has it. The lock is a
 * file with the process id, which only one process can create.
 *
 * It saves work, but protects nothing: a lock is taken over if its process has ended or it is older
 * than `longestMs`. If no lock can be created, every process proceeds. Two processes that take over
 * the same lock at the same time may both have it.
 *
 * @param now - milliseconds since the epoch.
 */
export async function takeLock(
  file: string,
  longestMs: number,
  now: number,
  use: Use = { use: 'written' },
  options: PlaceOptions = { make: 0o700 },
): Promise<Lock | undefined> {
  const inPlace = async <T>(work: (place: Place) => Promise<T>): Promise<T> => {
    const place = await openSafePlace(file, use, options);
    return work(place).finally(place.close);
  };
  try {
    if (!(await inPlace((place) => isTaken(place, longestMs, now)))) return undefined;
  } catch {
    return NO_LOCK;
  }
  return {
    release: () => inPlace((place) => rm(place.file, { force: true })),
    // A lock without a process id is kept until it expires.
    rest: () => inPlace((place) => emptied(place.file)).catch(() => undefined),
  };
}

async function isTaken(place: Place, longestMs: number, now: number): Promise<boolean> {
  if (await isLeft(place, longestMs, now)) await rm(place.file, { force: true });
  return isNew(place.file);
}

const LOOK_EVERY_MS = 50;

/**
 * Does work while holding the lock. A process that waited for longer than the lock may be held
 * proceeds without it.
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

/** Creates the lock, unless it exists. */
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

/** Opens only the lock itself: a link in its place could lead to any file. */
async function emptied(file: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if ((await handle.stat()).isFile()) await handle.truncate(0);
  } finally {
    await handle.close();
  }
}

/** A longer file contains no process id. */
const MOST_BYTES = 100;

/** Whether the process that created it has ended. A new lock may still be empty. */
async function isLeft(place: Place, longestMs: number, now: number): Promise<boolean> {
  try {
    const { mtimeMs } = await lstat(place.file);
    if (Math.abs(now - mtimeMs) > longestMs) return true;
    const read = await readIn(place, (stats) => stats.isFile() && stats.size <= MOST_BYTES);
    return read !== undefined && hasEnded(Number(read.content));
  } catch (error) {
    // There is no lock; or a link, which is kept.
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
