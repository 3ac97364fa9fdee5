import { readFileSync } from 'node:fs';

/** How many files and sockets this process may have open at once; undefined where nothing tells, or there is no bound. */
export function openFilesLimit(): number | undefined {
  try {
    return limitIn(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param limits - what /proc/PID/limits has. The first column is the soft limit, the one that holds. */
export function limitIn(limits: string): number | undefined {
  const digits = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
