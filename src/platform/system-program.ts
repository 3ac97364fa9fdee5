import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Where a system keeps its own programs; PATH may name directories of other users. The last one is NixOS's. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';

const MOST_OUTPUT = 8 * 1024 * 1024;

export interface SystemProgramOptions {
  readonly deadlineMs: number;
  readonly path?: string;
  /** All it gets of an environment, besides PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a program of the system and gives its output. Killed at the deadline, and not waited for after it: a process that hangs in
 * the kernel ends when it can.
 *
 * @throws Error as of execFile: `code` is the exit code, or ENOENT where the system has no such program.
 */
export async function systemProgram(
  name: string,
  args: readonly string[],
  { deadlineMs, path = SYSTEM_PATH, environment }: SystemProgramOptions,
): Promise<string> {
  const options = { env: { ...environment, PATH: path }, killSignal: 'SIGKILL', maxBuffer: MOST_OUTPUT } as const;
  const running = promisify(execFile)(name, args, options);
  const answered = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: answered.signal }).then(() => {
    running.child.kill('SIGKILL');
    throw new Error(`${name} did not answer within ${deadlineMs} ms`);
  });
  // Of the two, the one that comes later rejects unheard.
  for (const outcome of [running, late]) outcome.catch(() => undefined);
  try {
    return (await Promise.race([running, late])).stdout;
  } finally {
    answered.abort();
  }
}
