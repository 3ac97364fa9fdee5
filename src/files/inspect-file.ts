import { lstat } from 'node:fs/promises';
import { openPlace, step, type Step } from './place.ts';
import { findingsOf, type Use } from './safe-place.ts';
import type { Finding } from './trust.ts';

/** What is wrong with a file and the way there, as far as that goes: it may not be there yet. Never rejects. */
export async function inspectFile(named: string, use: Use): Promise<readonly Finding[]> {
  const steps: Step[] = [];
  try {
    const place = await openPlace(named, { followLast: true, steps });
    try {
      const stats = await lstat(place.file);
      // Devices and sockets are open to whom their kind says.
      if (stats.isFile() || stats.isDirectory()) steps.push(step(named, stats));
    } finally {
      await place.close();
    }
  } catch {
    // Who opens it says why that fails.
  }
  return findingsOf(steps, use);
}
