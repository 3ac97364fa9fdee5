import { spawn } from 'node:child_process';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { RunningProgram, type RunOptions } from '../support/program.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../dist/main.js');

/**
 * Runs the program from a line of shell, which has it in `"$@"` and must `exec` it. Ends with the
 * test.
 */
export function throughShell(
  line: string,
  args: readonly string[],
  { env = {}, cwd }: RunOptions = {},
): RunningProgram {
  const child = spawn('/bin/sh', ['-c', line, 'sh', process.execPath, PROGRAM, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const program = new RunningProgram(child);
  onTestFinished(async () => {
    await program.stop();
  });
  return program;
}
