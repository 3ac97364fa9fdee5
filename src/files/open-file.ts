import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { openPlace, type Place, type Step, step } from './place.ts';
import { findingsOf, type Use } from './safe-place.ts';
import type { Finding } from './trust.ts';

interface FirstBytes {
  readonly content: Buffer;
  readonly stats: Stats;
  readonly findings: readonly Finding[];
}

/**
 * O_NONBLOCK has no effect on files, but without it a pipe without a writer would block forever.
 * Links were followed before, one by one.
 */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

const TRUSTED: Use = { use: 'trusted' };

/**
 * Reads a file that decides what the daemon does, together with the problems of it and its path.
 * Reads up to `mostBytes` and one more byte, so that a longer file is detected and an endless
 * device does no harm.
 *
 * @param check - throws if the file must not be read.
 * @throws errors of `check`, or the system's error.
 */
export async function readFirst(
  named: string,
  mostBytes: number,
  check: (stats: Stats) => void = () => undefined,
): Promise<FirstBytes> {
  const { handle, steps } = await openForReading(named);
  try {
    const stats = await handle.stat();
    check(stats);
    const findings = await findingsOf([...steps, ...fileStep(named, stats)], TRUSTED);
    const content = await buffer(handle.createReadStream({ end: mostBytes, autoClose: false }));
    return { content, stats, findings };
  } finally {
    await handle.close();
  }
}

async function openForReading(
  named: string,
): Promise<{ readonly handle: FileHandle; readonly steps: readonly Step[] }> {
  const place = await openPlace(named, { followLast: true });
  try {
    return { handle: await open(place.file, READ), steps: place.steps };
  } finally {
    await place.close();
  }
}

/** For a regular file. A pipe or device is the user's choice. */
export function fileStep(named: string, stats: Stats): readonly Step[] {
  return stats.isFile() ? [step(named, stats)] : [];
}

/**
 * Opens a file in an open place, never through a link.
 *
 * @throws the system's error: ELOOP for a link.
 */
export async function readIn(
  { file }: Place,
  accepts: (stats: Stats) => boolean,
): Promise<{ readonly content: Buffer; readonly stats: Stats } | undefined> {
  const handle = await open(file, READ);
  try {
    const stats = await handle.stat();
    return accepts(stats) ? { content: await handle.readFile(), stats } : undefined;
  } finally {
    await handle.close();
  }
}
