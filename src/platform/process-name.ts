import { readFileSync } from 'node:fs';

/** As the process calls itself at the moment (proc(5), comm); undefined: gone, or hidden from us. */
export function processName(pid: number): string | undefined {
  return nameIn(statusOf(pid));
}

/**
 * The same, but only of a process of this user. A process number is given to another process when its own has ended; within one
 * user that gains nothing, as a process chooses its name anyway.
 */
export function processOfUser(pid: number, uid: number): string | undefined {
  // One read is of one process: name and user belong together.
  const status = statusOf(pid);
  const users = /^Uid:\t(.*)$/m.exec(status)?.[1]?.split('\t').map(Number) ?? [];
  return users.includes(uid) ? nameIn(status) : undefined;
}

/** The kernel escapes line ends there (`\n`), so that no name can pretend to be another line. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** Nothing but plain text may get into a terminal. */
function nameIn(status: string): string | undefined {
  return /^Name:\t(.*)$/m.exec(status)?.[1]?.replaceAll(/[^\x20-\x7e]/g, '?');
}
