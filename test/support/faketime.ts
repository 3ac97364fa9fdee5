import { execFileSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * The library that changes a program's wall clock, for LD_PRELOAD. `faketime` knows where the
 * distribution installs it.
 */
export function faketimeLibrary(): string {
  return execFileSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

const SHARED_MEMORY = '/dev/shm';

/**
 * Removes leftovers of the library for ended processes. Shells do not let it clean up, and a reused
 * process id may end that process ("In ft_shm_create(), shm_open failed: File exists").
 */
export async function sweepFaketime(): Promise<void> {
  for (const name of await readdir(SHARED_MEMORY).catch(() => [])) {
    const [, pid] = /^(?:sem\.faketime_sem|faketime_shm)_(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && hasEnded(Number(pid)))
      await rm(path.join(SHARED_MEMORY, name), { force: true }).catch(() => undefined);
  }
}

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
