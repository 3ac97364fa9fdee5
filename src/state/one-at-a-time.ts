import type { Clock } from '../foundation/clock.ts';
import type { PrivateFiles } from './private-files.ts';
import { stateError } from './state-errors.ts';

/** The start must not wait for a hanging file system. */
export const READ_DEADLINE_MS = 2_000;

/**
 * Runs operations on the same files one after the other. Node has four threads for files and host
 * names. A hanging network share may block one of them, but repeated tries must not block all four.
 *
 * A read rejects with STATE_UNREADABLE after two seconds. A write may take any time, because
 * nothing waits for it.
 */
export function oneAtATime(files: PrivateFiles, clock: Clock): PrivateFiles {
  let last: Promise<unknown> = Promise.resolve();
  const queued = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
  return {
    read: (name) => {
      let isLate = false;
      const given = queued(() => (isLate ? Promise.resolve(undefined) : files.read(name)));
      return inTime(given, clock, () => {
        isLate = true;
        return stateError('STATE_UNREADABLE', `${name} was not read within ${READ_DEADLINE_MS / 1000} seconds`);
      });
    },
    write: (name, content) => queued(() => files.write(name, content)),
    sweep: (names, before) => queued(() => files.sweep(names, before)),
  };
}

/** @throws the error of `late` after two seconds. */
export async function inTime<T>(given: Promise<T>, clock: Clock, late: () => Error): Promise<T> {
  const done = new AbortController();
  const deadline = clock.sleep(READ_DEADLINE_MS, done.signal).then((): never => {
    throw late();
  });
  try {
    return await Promise.race([given, deadline]);
  } finally {
    done.abort();
  }
}
