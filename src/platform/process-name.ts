import { readFileSync } from 'node:fs';

/** The name that the process has set (proc(5), comm); undefined if it is gone or hidden. */
export function processName(pid: number): string | undefined {
  return nameIn(statusOf(pid));
}

/**
 * The same, but only for a process of this user. Another process may get the number after the first
 * has ended. Within one user this is no gain, because a process chooses its name freely.
 */
export function processOfUser(pid: number, uid: number): string | undefined {
  // One read is about one process, so name and user belong together.
  const status = statusOf(pid);
  const users = /^Uid:\t(.*)$/m.exec(status)?.[1]?.split('\t').map(Number) ?? [];
  return users.includes(uid) ? nameIn(status) : undefined;
}

/** The kernel escapes line ends there (`\n`), so a name cannot imitate another line. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** Only plain text may reach a terminal. */
function nameIn(status: string): string | undefined {
  return /^Name:\t(.*)$/m.exec(status)?.[1]?.replaceAll(/[^\x20-\x7e]/g, '?');
}
