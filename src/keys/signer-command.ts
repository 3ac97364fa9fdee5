/**
 * Signs with a program of the operator: the CLI of a cloud KMS, a vendor's tool, or anything else
 * with a key. docs/keys.md has the protocol: one line of JSON in, one out.
 *
 * Its standard input, output and error are files without a name. Node's pipes are sockets, which a
 * program that opens `/dev/stdin` cannot read. Also, a leftover process with an end of a pipe would
 * keep it open.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, createPublicKey, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { messageOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { type KeyErrorCode, KeyFailure } from './key-errors.ts';
import type { KeyRequest, SignRequest } from './key-request.ts';
import type { CommandSource } from './key-source.ts';
import type { SigningAlgorithm } from './signing-key.ts';

/** A command signs, without revealing its key. */
export async function askCommand(
  source: CommandSource,
  request: KeyRequest,
  environment: Environment,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return request.operation === 'sign' ? commandSignature(source, request, environment, signal) : undefined;
}

/**
 * @param environment - of this process. The program gets PATH and the configured variables.
 * @throws KeyFailure, or the signal's reason.
 */
async function commandSignature(
  source: CommandSource,
  request: SignRequest,
  environment: Environment,
  signal: AbortSignal,
): Promise<Buffer> {
  const files: FileHandle[] = [];
  try {
    const [stdin, stdout, stderr] = [await namelessFile(files), await namelessFile(files), await namelessFile(files)];
    await stdin.write(requestLine(request), 0);
    const child = started(source, environment, files);
    const end = await endOf(child, { source, outputs: [stdout, stderr], signal });
    await checkSizes(source, [stdout, stderr]);
    const answer = answerIn(await beginning(stdout));
    if (typeof answer.signature === 'string' && end === undefined) return Buffer.from(answer.signature, 'base64');
    throw typeof answer.error === 'string'
      ? failure('SIGNER_COMMAND_FAILED', source, answer.error, answer.retry === true ? 'soon' : 'slow')
      : await unanswered(source, end, stderr);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeyFailure) throw error;
    throw failure('SIGNER_COMMAND_FAILED', source, messageOf(error), 'soon', error);
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Memory is better than a disk. A read-only container has no other place. */
const PLACES = ['/dev/shm', tmpdir()];

async function namelessFile(opened: FileHandle[]): Promise<FileHandle> {
  let cause: unknown;
  for (const place of PLACES)
    try {
      const name = path.join(place, `imds-anywhere-${randomUUID()}`);
      const file = await open(name, 'wx+', 0o600);
      opened.push(file);
      await unlink(name);
      return file;
    } catch (error) {
      cause = error;
    }
  throw cause;
}

const ALGORITHMS: Readonly<Record<SigningAlgorithm, string>> = {
  'AWS4-X509-RSA-SHA256': 'rsa-pkcs1-sha256',
  'AWS4-X509-ECDSA-SHA256': 'ecdsa-sha256',
  'AWS4-X509-MLDSA': 'ml-dsa',
};

/** ML-DSA takes the message itself. */
function requestLine({ algorithm, message, publicKey }: SignRequest): string {
  const digest = createHash('sha256').update(message).digest('base64');
  const request = {
    version: 1,
    operation: 'sign',
    algorithm: ALGORITHMS[algorithm],
    message: Buffer.from(message).toString('base64'),
    ...(algorithm !== 'AWS4-X509-MLDSA' && { digest }),
    publicKey: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }).export({
      format: 'pem',
      type: 'spki',
    }),
  };
  return `${JSON.stringify(request)}\n`;
}

/**
 * In its own process group, so that everything it starts ends with it.
 *
 * @throws KeyFailure SIGNER_COMMAND_MISSING
 */
function started(source: CommandSource, environment: Environment, files: readonly FileHandle[]): ChildProcess {
  const [program, ...args] = source.argv;
  const env = Object.fromEntries(['PATH', ...source.environment].map((name) => [name, environment[name]]));
  try {
    return spawn(program, args, { env, cwd: '/', detached: true, stdio: files.map(({ fd }) => fd) });
  } catch (error) {
    throw notStarted(source, error);
  }
}

interface Limits {
  readonly source: CommandSource;
  readonly outputs: readonly FileHandle[];
  readonly signal: AbortSignal;
}

/** `exit code 1`, or the signal that ended it; undefined after success. */
type End = string | undefined;

const LOOK_MS = 50;

/** Waits for the end of a program, or ends it with everything it has started. */
async function endOf(child: ChildProcess, { source, outputs, signal }: Limits): Promise<End> {
  const settled = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  try {
    return await new Promise<End>((resolve, reject) => {
      const abort = (): void => {
        reject(signal.reason as Error);
      };
      const late = (): void => {
        reject(failure('SIGNER_TIMEOUT', source, `no answer within ${source.timeoutMs / 1_000} s`, 'soon'));
      };
      const look = (): void => {
        checkSizes(source, outputs).catch(reject);
      };
      signal.addEventListener('abort', abort, { once: true, signal: settled.signal });
      timers.push(setTimeout(late, source.timeoutMs), setInterval(look, LOOK_MS));
      child.once('error', (error) => {
        reject(notStarted(source, error));
      });
      child.once('exit', (code, name) => {
        resolve(code === 0 ? undefined : (name ?? `exit code ${code}`));
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

const MOST_OUTPUT = 64 * 1024;

async function checkSizes(source: CommandSource, outputs: readonly FileHandle[]): Promise<void> {
  for (const output of outputs)
    if ((await output.stat()).size > MOST_OUTPUT)
      throw failure('SIGNER_COMMAND_ANSWER', source, `it printed more than ${MOST_OUTPUT / 1024} KiB`, 'slow');
}

/** The output of a program, up to its limit. */
async function beginning(file: FileHandle): Promise<string> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_OUTPUT), 0, MOST_OUTPUT, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

interface Answer {
  readonly signature?: unknown;
  readonly error?: unknown;
  readonly retry?: unknown;
}

function answerIn(output: string): Answer {
  try {
    const answer: unknown = JSON.parse(output);
    return typeof answer === 'object' && answer !== null ? answer : {};
  } catch {
    return {};
  }
}

/**
 * A program that was ended by a signal may succeed next time. One that reports an error has a
 * reason.
 */
async function unanswered(source: CommandSource, end: End, stderr: FileHandle): Promise<KeyFailure> {
  const lines = (await beginning(stderr)).trim().split('\n');
  const said = lines.at(-1) === '' ? '' : `: ${lines.at(-1) ?? ''}`;
  if (end === undefined)
    return failure('SIGNER_COMMAND_ANSWER', source, `its answer is not JSON with a signature${said}`, 'slow');
  return end.startsWith('SIG')
    ? failure('SIGNER_ENDED', source, `it was ended by ${end}${said}`, 'soon')
    : failure('SIGNER_COMMAND_FAILED', source, `it ended with ${end}${said}`, 'slow');
}

function notStarted(source: CommandSource, error: unknown): KeyFailure {
  return failure('SIGNER_COMMAND_MISSING', source, `it cannot be started: ${messageOf(error)}`, 'slow', error);
}

const LONGEST_TEXT = 400;

/** Its output goes to the log and to terminals. */
function failure(
  code: KeyErrorCode,
  { argv: [program] }: CommandSource,
  what: string,
  retry: 'soon' | 'slow',
  cause?: unknown,
): KeyFailure {
  return new KeyFailure(code, `${program}: ${printable(what.slice(0, LONGEST_TEXT))}`, { retry, cause });
}
