/**
 * Runs a program of the operator once: input in, output out.
 *
 * Its standard input, output and error are files without a name. Node's pipes are sockets, which a
 * program that opens `/dev/stdin` or `/dev/stdout` cannot read or write. Also, a leftover process
 * with an end of a pipe would keep it open.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Environment } from '../foundation/process-environment.ts';

export interface ProgramToRun {
  /** Its path and its arguments, run without a shell. */
  readonly argv: readonly [string, ...string[]];
  /** Names of the variables that it gets, in addition to PATH. */
  readonly environment: readonly string[];
  readonly timeoutMs: number;
}

export interface ProgramInput {
  readonly text: string;
  /** Most bytes of its output, and of its standard error. */
  readonly mostOutput: number;
  /** Of this process. */
  readonly environment: Environment;
  readonly signal: AbortSignal;
}

export type ProgramOutcome =
  | {
      readonly kind: 'ended';
      /** `exit code 1`, or the signal that ended it; undefined after success. */
      readonly end: string | undefined;
      readonly output: string;
      readonly errors: string;
    }
  | { readonly kind: 'not-started'; readonly cause: unknown }
  | { readonly kind: 'late'; readonly errors: string }
  | { readonly kind: 'too-much' };

/** @throws the signal's reason, or the system's error if there is no place for the files. */
export async function runWithFiles(program: ProgramToRun, input: ProgramInput): Promise<ProgramOutcome> {
  const files: FileHandle[] = [];
  try {
    const stdin = await namelessFile('wx+', files);
    // Appending, so that a line after `-out /dev/stdout`, which opens the file again, overwrites nothing.
    const [stdout, stderr] = [await namelessFile('ax+', files), await namelessFile('ax+', files)];
    await stdin.write(input.text, 0);
    const child = started(program, input.environment, files);
    if ('kind' in child) return child;
    const outputs = { outputs: [stdout, stderr], ...input };
    const ended = await endOf(child, program.timeoutMs, outputs);
    if (ended.kind === 'ended' && (await isTooMuch(outputs))) return { kind: 'too-much' };
    if (ended.kind === 'ended')
      return { ...ended, output: await beginning(stdout, input), errors: await beginning(stderr, input) };
    return ended.kind === 'late' ? { ...ended, errors: await beginning(stderr, input) } : ended;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Memory is better than a disk. A read-only container has no other place. */
const PLACES = ['/dev/shm', tmpdir()];

async function namelessFile(flags: 'wx+' | 'ax+', opened: FileHandle[]): Promise<FileHandle> {
  let cause: unknown;
  for (const place of PLACES)
    try {
      const name = path.join(place, `imds-anywhere-${randomUUID()}`);
      const file = await open(name, flags, 0o600);
      opened.push(file);
      await unlink(name);
      return file;
    } catch (error) {
      cause = error;
    }
  throw cause;
}

type NotStarted = Extract<ProgramOutcome, { readonly kind: 'not-started' }>;

/** In its own process group, so that everything it starts ends with it. */
function started(
  { argv: [program, ...args], environment: names }: ProgramToRun,
  environment: Environment,
  files: readonly FileHandle[],
): ChildProcess | NotStarted {
  const env = Object.fromEntries(['PATH', ...names].map((name) => [name, environment[name]]));
  try {
    return spawn(program, args, { env, cwd: '/', detached: true, stdio: files.map(({ fd }) => fd) });
  } catch (cause) {
    return { kind: 'not-started', cause };
  }
}

interface Limits extends Pick<ProgramInput, 'mostOutput' | 'signal'> {
  readonly outputs: readonly FileHandle[];
}

type End =
  | { readonly kind: 'ended'; readonly end: string | undefined }
  | { readonly kind: 'late' }
  | Exclude<ProgramOutcome, { readonly kind: 'ended' | 'late' }>;

const LOOK_MS = 50;

/** Waits for the end of a program, or ends it with everything it has started. */
async function endOf(child: ChildProcess, timeoutMs: number, limits: Limits): Promise<End> {
  const { signal } = limits;
  const settled = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  try {
    return await new Promise<End>((resolve, reject) => {
      const abort = (): void => {
        reject(signal.reason as Error);
      };
      const late = (): void => {
        resolve({ kind: 'late' });
      };
      const look = (): void => {
        isTooMuch(limits).then((tooMuch) => {
          if (tooMuch) resolve({ kind: 'too-much' });
        }, reject);
      };
      signal.addEventListener('abort', abort, { once: true, signal: settled.signal });
      timers.push(setTimeout(late, timeoutMs), setInterval(look, LOOK_MS));
      child.once('error', (cause) => {
        resolve({ kind: 'not-started', cause });
      });
      child.once('exit', (code, name) => {
        resolve({ kind: 'ended', end: code === 0 ? undefined : (name ?? `exit code ${code}`) });
      });
      if (signal.aborted) abort();
    });
  } finally {
    settled.abort();
    timers.forEach(clearTimeout);
    endGroup(child);
  }
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

async function isTooMuch({ outputs, mostOutput }: Omit<Limits, 'signal'>): Promise<boolean> {
  const sizes = await Promise.all(outputs.map(async (output) => (await output.stat()).size));
  return sizes.some((size) => size > mostOutput);
}

/** The output of a program, up to its limit. */
async function beginning(file: FileHandle, { mostOutput }: Pick<ProgramInput, 'mostOutput'>): Promise<string> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(mostOutput), 0, mostOutput, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
