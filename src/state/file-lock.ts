import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
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
export async function takeLock(file: string, longestMs: number, now: number): Promise<Lock | undefined> {
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    if (await isLeft(file, longestMs, now)) await rm(file, { force: true });
    if (!(await isNew(file))) return undefined;
  } catch {
    return NO_LOCK;
  }
  return {
    release: () => rm(file, { force: true }),
    // A lock without a process is left alone until its time is over.
    rest: () => writeFile(file, '').catch(() => undefined),
  };
}

const LOOK_EVERY_MS = 50;

/**
 * Does some work alone among the processes that ask for the same lock. Who has waited for longer than anybody may have it goes on
 * without.
 */
export async function whileLocked<T>(
  file: string,
  { longestMs, clock }: { readonly longestMs: number; readonly clock: Clock },
  work: () => Promise<T>,
): Promise<T> {
  const giveUpAt = clock.monotonic() + longestMs;
  let lock = await takeLock(file, longestMs, clock.now());
  while (!lock && clock.monotonic() < giveUpAt) {
    await clock.sleep(LOOK_EVERY_MS);
    lock = await takeLock(file, longestMs, clock.now());
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

/** Whether whoever made it is gone. One that was just made may still be empty. */
async function isLeft(file: string, longestMs: number, now: number): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(file);
    return Math.abs(now - mtimeMs) > longestMs || hasEnded(Number(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
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
