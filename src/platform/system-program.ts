import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/**
 * Directories of system programs. PATH may contain directories of other users. The last one is
 * NixOS's.
 */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin';

const MOST_OUTPUT = 8 * 1024 * 1024;

export interface SystemProgramOptions {
  readonly deadlineMs: number;
  readonly path?: string;
  /** The whole environment of the program, besides PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a system program and returns its output. Kills it at the deadline, and does not wait for it
 * after that: a process that hangs in the kernel ends when it can.
 *
 * @throws Error like execFile: `code` is the exit code, or ENOENT if the system has no such
 * program.
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
  // The later rejection is ignored.
  for (const outcome of [running, late]) outcome.catch(() => undefined);
  try {
    return (await Promise.race([running, late])).stdout;
  } finally {
    answered.abort();
  }
}
