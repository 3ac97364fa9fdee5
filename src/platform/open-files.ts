import { readFileSync } from 'node:fs';

/** How many files and sockets this process may have open; undefined if unknown or unlimited. */
export function openFilesLimit(): number | undefined {
  try {
    return limitIn(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param limits - content of /proc/PID/limits. The first column is the soft limit, which applies. */
export function limitIn(limits: string): number | undefined {
  const digits = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
