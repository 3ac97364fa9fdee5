import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';

/** Whether a program runs. In CI, a missing one is an error instead of a skip. */
export function hasTool(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env['CI']) throw new Error(`CI lacks ${program}; .ci/run has to install it`, { cause: error });
    return false;
  }
}

/** `describe`, skipped with a printed reason if the machine lacks what it needs. */
export function describeWith(tool: string, present: boolean, title: string, body: () => void): void {
  if (!present) process.stderr.write(`left out: "${title}": this machine has no ${tool}\n`);
  (present ? describe : describe.skip)(title, body);
}
