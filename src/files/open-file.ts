import { constants, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { openPlace, step, type Place, type Step } from './place.ts';
import { findingsOf, type Use } from './safe-place.ts';
import type { Finding } from './trust.ts';

export interface OpenFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
  readonly findings: readonly Finding[];
}

/**
 * A pipe without a writer would block for ever but for O_NONBLOCK, which does nothing to files; links were followed before, one by one.
 */
const READ = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** Opens a file for reading, together with what is wrong with it and the way there. @throws the system's error. */
export async function openFile(named: string, use: Use = { use: 'trusted' }): Promise<OpenFile> {
  const place = await openPlace(named, { followLast: true });
  try {
    const handle = await open(place.file, READ);
    return await withClosing(handle, async () => {
      const stats = await handle.stat();
      const findings = await findingsOf([...place.steps, ...fileStep(named, stats)], use);
      return { handle, stats, findings };
    });
  } finally {
    await place.close();
  }
}

/** Of a regular file; a user who names a pipe or device asks for it. */
export function fileStep(named: string, stats: Stats): readonly Step[] {
  return stats.isFile() ? [step(named, stats)] : [];
}

async function withClosing<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A file in an open place, never through a link. @throws the system's error: ELOOP for a link. */
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
