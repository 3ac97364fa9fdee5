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
  const descriptor = openStandardError();
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

/**
 * A pipe is opened a second time, so that writing into a full one fails and does not wait. To say so of descriptor 2 itself would say
 * it of every process that has the same one. Files never wait; a socket, as of systemd's journal, cannot be opened by its name.
 */
function openStandardError(): number {
  try {
    return fstatSync(2).isFIFO() ? openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK) : 2;
  } catch {
    return 2;
  }
}
