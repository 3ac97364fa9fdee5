import { failureFields, type Log } from '../foundation/logger.ts';
import { type Libc, loadLibc } from './libc.ts';
import { platformError } from './platform-errors.ts';

// prctl(2), getrlimit(2): values on Linux.
const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;
/** `struct rlimit`, for any size of its two numbers. */
const NOTHING = Buffer.alloc(16);

/**
 * Prevents other processes of this user from reading the memory of this one (`/proc/PID/mem`,
 * ptrace), and the kernel from writing a core file. Call it before there is a secret in memory.
 * Child processes inherit only the latter.
 */
export async function closeMemory(log: Log, libc: () => Promise<Libc | undefined> = loadLibc): Promise<void> {
  if (process.platform !== 'linux') return;
  const system = await libc();
  // For child processes. A sandbox may deny it, and has its own limit.
  system?.setrlimit(RLIMIT_CORE, NOTHING);
  hide(system, log);
}

/** The same without the limit, which a program of the user would inherit. */
export async function closeOwnMemory(log: Log): Promise<void> {
  if (process.platform === 'linux') hide(await loadLibc(), log);
}

function hide(system: Libc | undefined, log: Log): void {
  if (system?.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) === 0) return;
  const why = system ? `system error ${system.errno()}` : 'koffi cannot be used';
  const what = `other processes of this user can read the memory of the daemon: ${why}`;
  log('warn', 'memory', failureFields(platformError('MEMORY_READABLE', what)));
}
