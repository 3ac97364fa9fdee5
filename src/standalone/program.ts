import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { systemCodeOf } from '../foundation/errors.ts';
import { standaloneError } from './standalone-errors.ts';

export interface ProgramStart {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Called once the program runs. */
  readonly started?: () => void;
}

/**
 * Runs a program in place of this one: the same terminal, standard streams and process group.
 *
 * @returns its exit code, or 128 plus the number of the signal that ended it, as in a shell.
 * @throws CodedError PROGRAM_NOT_FOUND or PROGRAM_NOT_STARTED
 */
export async function runProgram({ command, environment, started }: ProgramStart): Promise<number> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: 'inherit', env: environment });
  forwardSignals(child);
  return new Promise((resolve, reject) => {
    child.once('spawn', () => started?.());
    child.once('error', (error) => {
      reject(startFailure(file, error));
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
}

function startFailure(file: string, error: Error): Error {
  const code = systemCodeOf(error);
  return code === 'ENOENT'
    ? standaloneError('PROGRAM_NOT_FOUND', `there is no program ${file}`, error)
    : standaloneError('PROGRAM_NOT_STARTED', `${file} cannot be run: ${code ?? error.message}`, error);
}

const FORWARDED = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT'] as const;

/** A terminal sends these to the whole foreground process group, and so to the program too. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT']);

/** Many programs take a second SIGINT as an order to end at once, so none is sent twice. */
function forwardSignals(child: ChildProcess): void {
  for (const signal of FORWARDED)
    process.on(signal, () => {
      if (!FROM_TERMINAL.has(signal) || !isInForeground()) child.kill(signal);
    });
}

/** Whether this process belongs to the foreground process group of a terminal; proc_pid_stat(5). */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return isatty(0);
  }
}
