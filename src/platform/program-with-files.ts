/**
 * Runs a program of the operator once: input in, output out.
 *
 * Its standard input, output and error are files without a name. Node's pipes are sockets, which a
 * program that opens `/dev/stdin` or `/dev/stdout` cannot read or write. Also, a leftover process
 * with an end of a pipe would keep it open.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
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
  /** There is no place for the files. */
  | { readonly kind: 'no-space'; readonly cause: unknown }
  | { readonly kind: 'not-started'; readonly cause: unknown }
  | { readonly kind: 'late'; readonly errors: string }
  | { readonly kind: 'too-much' };

/** @throws the signal's reason. */
export async function runWithFiles(program: ProgramToRun, input: ProgramInput): Promise<ProgramOutcome> {
  const files = await namelessFiles(input);
  if ('kind' in files) return files;
  try {
    const [, stdout, stderr] = files;
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

type StandardFiles = readonly [stdin: FileHandle, stdout: FileHandle, stderr: FileHandle];

/** In the first place with room for the most that a program may print. */
async function namelessFiles({ text, mostOutput }: ProgramInput): Promise<StandardFiles | Failure<'no-space'>> {
  let cause: unknown;
  for (const place of PLACES) {
    const opened: FileHandle[] = [];
    try {
      await checkRoom(place, text.length + 2 * mostOutput);
      const stdin = await namelessFile(place, 'wx+', opened);
      await stdin.write(text, 0);
      // Appending, so that a line after `-out /dev/stdout`, which opens the file again, overwrites nothing.
      return [stdin, await namelessFile(place, 'ax+', opened), await namelessFile(place, 'ax+', opened)];
    } catch (error) {
      cause = error;
      await Promise.all(opened.map((file) => file.close()));
    }
  }
  return { kind: 'no-space', cause };
}

/** Some file systems do not know their size. */
async function checkRoom(place: string, needed: number): Promise<void> {
  const { blocks, bavail, bsize } = await statfs(place);
  if (blocks > 0 && bavail * bsize < needed) throw new Error(`${place} has less than ${needed} bytes free`);
}

async function namelessFile(place: string, flags: 'wx+' | 'ax+', opened: FileHandle[]): Promise<FileHandle> {
  const name = path.join(place, `imds-anywhere-${randomUUID()}`);
  const file = await open(name, flags, 0o600);
  opened.push(file);
  await unlink(name);
  return file;
}

type Failure<Kind extends ProgramOutcome['kind']> = Extract<ProgramOutcome, { readonly kind: Kind }>;

/** In its own process group, so that everything it starts ends with it. */
function started(
  { argv: [program, ...args], environment: names }: ProgramToRun,
  environment: Environment,
  files: readonly FileHandle[],
): ChildProcess | Failure<'not-started'> {
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
  | Failure<'not-started' | 'too-much'>;

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
