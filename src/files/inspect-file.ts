import { lstat, stat } from 'node:fs/promises';
import { openPlace, type Step, step } from './place.ts';
import { findingsOf, type Use } from './safe-place.ts';
import type { Finding } from './trust.ts';

/** Problems of a file and its path, as far as it exists. Never rejects. */
export async function inspectFile(named: string, use: Use): Promise<readonly Finding[]> {
  const steps: Step[] = [];
  try {
    const place = await openPlace(named, { followLast: true, steps });
    try {
      const stats = await lstat(place.file);
      // Access to devices and sockets depends on their kind.
      if (stats.isFile() || stats.isDirectory()) steps.push(step(named, stats));
    } finally {
      await place.close();
    }
  } catch {
    // Opening the file will report the reason.
  }
  return findingsOf(steps, use);
}

/** Problems of an argument of a program, if it names a file: an interpreter runs a script. Never rejects. */
export async function inspectArgument(named: string): Promise<readonly Finding[]> {
  const stats = await stat(named).catch(() => undefined);
  return stats?.isFile() ? inspectFile(named, { use: 'trusted' }) : [];
}
