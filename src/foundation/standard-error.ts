import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Writes whole lines. Never throws and never waits for a reader. */
export interface Lines {
  write(line: string): void;
}

/**
 * Lines on standard error. A reader that has gone or is stuck must not stop the daemon, so lines
 * that it does not accept at once are dropped.
 *
 * @param missed - called with the number of dropped lines as soon as there is a reader again.
 */
export function standardErrorLines(missed: (lines: number) => void): Lines {
  const descriptor = withoutWaiting(STANDARD_ERROR);
  let lost = 0;
  /** The rest of a line that was written in part. */
  let rest: Uint8Array = new Uint8Array();
  const put = (bytes: Uint8Array): Uint8Array => bytes.subarray(writeSync(descriptor, bytes));
  const isTaken = (line: string): boolean => {
    try {
      if (rest.length > 0) rest = put(rest);
      if (rest.length > 0) return false;
      rest = put(Buffer.from(line));
      return true;
    } catch {
      return false;
    }
  };
  return {
    write: (line) => {
      if (!isTaken(line)) lost += 1;
      else if (lost > 0) {
        const lines = lost;
        lost = 0;
        missed(lines);
      }
    },
  };
}

export const STANDARD_ERROR = 2;

/**
 * A descriptor for the same file on which writing to a full pipe fails with EAGAIN instead of
 * waiting. Opens a pipe a second time, because O_NONBLOCK on the original would affect every
 * process that shares it. Files never block. A socket, such as systemd's journal, cannot be opened
 * by name and is used unchanged.
 */
export function withoutWaiting(descriptor: number): number {
  try {
    if (!fstatSync(descriptor).isFIFO()) return descriptor;
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return descriptor;
  }
}
