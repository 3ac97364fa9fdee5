import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Takes whole lines; never throws and never waits for a reader. */
export interface Lines {
  write(line: string): void;
}

/**
 * Lines on standard error, for whoever reads them. A reader that has gone or stands still is no reason to stop serving: what it does
 * not take at once is lost.
 *
 * @param missed - told how many lines were lost, as soon as there is a reader again.
 */
export function standardErrorLines(missed: (lines: number) => void): Lines {
  const descriptor = withoutWaiting(STANDARD_ERROR);
  let lost = 0;
  /** Of a line that was cut off. */
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
 * A descriptor for the same file, where writing into a full pipe fails (EAGAIN) and does not wait. A pipe is opened a second time: to
 * say so of the descriptor itself would say it of every process that has the same one. Files never wait; a socket, as of systemd's
 * journal, cannot be opened by its name and stays what it is.
 */
export function withoutWaiting(descriptor: number): number {
  try {
    if (!fstatSync(descriptor).isFIFO()) return descriptor;
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return descriptor;
  }
}
