import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';

// Runs the real program: dist/main.js, which `npm test` builds first.

export const PROGRAM = path.resolve(import.meta.dirname, '../../dist/main.js');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The whole environment except PATH, so that the tester's own variables do not matter. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Limit of open descriptors. Default: many. */
  readonly openFiles?: number;
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return start(args, options).ended;
}

export class RunningProgram {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = '';
  #stderr = '';
  #ended = false;
  readonly ended: Promise<Outcome>;

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#ended = true;
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the program did not start');
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The JSON lines of the log so far. The last one may be incomplete. */
  get log(): Record<string, unknown>[] {
    return this.#stderr
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Waits for a pattern in the output. Fails if the program ends or takes too long. */
  async says(pattern: RegExp, ms = 60_000): Promise<RegExpExecArray> {
    return eventually(
      () => `${String(pattern)} in:\n${this.#stdout}\n${this.#stderr}`,
      ms,
      () => {
        const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
        if (!match && this.#ended)
          throw new Error(`ended without ${String(pattern)}:\n${this.#stdout}\n${this.#stderr}`);
        return match ?? undefined;
      },
    );
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Outcome> {
    if (!this.#ended) this.#child.kill(signal);
    return this.ended;
  }
}

/** Starts a long-running command. The test must stop it. */
export function start(args: readonly string[], { env = {}, cwd, openFiles }: RunOptions = {}): RunningProgram {
  if (!existsSync(PROGRAM)) throw new Error('dist/main.js is missing: npm run build');
  const limit = openFiles === undefined ? '' : `ulimit -n ${openFiles}; `;
  const child = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, PROGRAM, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new RunningProgram(child);
}

/** Looks every 20 ms until there is a result. */
export async function eventually<T>(
  what: string | (() => string),
  ms: number,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
