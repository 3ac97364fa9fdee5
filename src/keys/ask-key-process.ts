import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../foundation/logger.ts';
import { type KeyErrorCode, KeyFailure } from './key-errors.ts';
import type { AskKeyProcess, KeyAnswer, KeyRequest, SealingRequest } from './key-request.ts';
import { deviceOf, sourceText } from './key-source.ts';
import { askCommand } from './signer-command.ts';
import { askAgent } from './ssh-agent.ts';
import { Turns } from './turns.ts';
import { WrongSecrets } from './wrong-secrets.ts';

export interface KeyProcessOptions {
  /** Environment of this process. The signing process gets only what modules read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly program?: string;
  readonly deadlineMs?: number;
}

/** A smart card takes up to two seconds for an RSA key of 4096 bits. */
const DEADLINE_MS = 10_000;

/**
 * One short-lived process per request, one at a time per device. Not a thread: a module that hangs
 * in a thread blocks even `process.exit`, and one that crashes ends the daemon.
 */
export function keyProcesses(options: KeyProcessOptions): AskKeyProcess {
  const turns = new Turns();
  const wrong = new WrongSecrets();
  const ask = (request: DeviceRequest, signal: AbortSignal): Promise<unknown> =>
    turns.take(
      deviceOf(request.source),
      () => wrong.guarding(request, () => askSource(request, options, signal)),
      signal,
    );
  return ask as AskKeyProcess;
}

type DeviceRequest = KeyRequest | SealingRequest;

/** Sources that are another program anyway need no process of ours. */
function askSource(request: DeviceRequest, options: KeyProcessOptions, signal: AbortSignal): Promise<unknown> {
  if (request.operation === 'seal' || request.operation === 'unseal') return askOnce(request, options, signal);
  switch (request.source.kind) {
    case 'pkcs11':
      return askToken(request, options, signal);
    case 'tpm':
      return askOnce(request, options, signal);
    case 'ssh-agent':
      return askAgent(request.source, request, options.environment, signal);
    case 'command':
      return askCommand(request.source, request, options.environment, signal);
  }
}

/** Failures while another program uses the token: a call fails, or the token is not listed. */
const COLLISIONS: ReadonlySet<string> = new Set<KeyErrorCode>(['PKCS11_CALL_FAILED', 'PKCS11_TOKEN_NOT_FOUND']);
const PAUSES_MS = [150, 400];

/**
 * Several SDKs may ask for credentials at the same moment. Each starts a command, and a command
 * makes no second attempt of its own.
 */
async function askToken(request: DeviceRequest, options: KeyProcessOptions, signal: AbortSignal): Promise<unknown> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await askOnce(request, options, signal);
    } catch (error) {
      if (!(error instanceof KeyFailure) || !COLLISIONS.has(error.code)) throw error;
    }
    await pause(pauseMs * (0.5 + Math.random()), undefined, { signal });
  }
  return askOnce(request, options, signal);
}

async function askOnce(request: DeviceRequest, options: KeyProcessOptions, signal: AbortSignal): Promise<unknown> {
  const child = started(options);
  const printed = lastOutput(child);
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    const answer = await answerOf(child, request, { deadlineMs: options.deadlineMs ?? DEADLINE_MS, signal });
    if (answer.ok) return answer.result;
    throw new KeyFailure(answer.code as KeyErrorCode, answer.message, { retry: answer.retry });
  } finally {
    await end(child, closed);
    const output = printed();
    if (output !== '')
      options.log('debug', 'output of the key process', { output: withoutSecret(output, request.secret) });
  }
}

/**
 * Its arguments and environment contain no secrets, because other users and its own children can
 * read them.
 */
function started({ environment, program }: KeyProcessOptions): ChildProcess {
  return fork(program ?? path.join(import.meta.dirname, 'key-process.js'), [], {
    env: moduleEnvironment(environment),
    // As this process, such as --jitless where the sandbox forbids compiled code.
    execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Its own process group, so that everything a module starts ends with it.
    detached: true,
  });
}

/** The configuration of PKCS#11 modules and their libraries, and the address of the TPM. */
const MODULE_VARIABLES =
  /^(?:PATH|HOME|TMPDIR|LD_LIBRARY_PATH|XDG_(?:RUNTIME_DIR|CONFIG_HOME)|(?:SOFTHSM2|P11_KIT|PKCS11|OPENSC|PCSCLITE|TPM2_PKCS11|TSS2|YUBIHSM)_\w+|OPENSC_CONF|TPM_DEVICE)$/;

function moduleEnvironment(environment: KeyProcessOptions['environment']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => MODULE_VARIABLES.test(name)));
}

interface AnswerLimits {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** Data written before the end of a process can arrive after the news of its end. */
const LAST_WORDS_MS = 200;

async function answerOf(child: ChildProcess, request: DeviceRequest, limits: AnswerLimits): Promise<KeyAnswer> {
  const { deadlineMs, signal } = limits;
  const where = sourceText(request.source);
  const timers: NodeJS.Timeout[] = [];
  const settled = new AbortController();
  try {
    return await new Promise((resolve, reject) => {
      const fail = (code: KeyErrorCode, what: string, cause?: unknown): void => {
        reject(new KeyFailure(code, `${where}: ${what}`, { retry: 'soon', cause }));
      };
      const abort = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true, signal: settled.signal });
      timers.push(setTimeout(fail, deadlineMs, 'KEY_PROCESS_LATE', `no answer within ${deadlineMs / 1000} s`));
      child.once('exit', (code, name) => {
        timers.push(setTimeout(fail, LAST_WORDS_MS, 'KEY_PROCESS_ENDED', `the process ended with ${name ?? code}`));
      });
      child.on('error', (error) => {
        fail('KEY_PROCESS_NOT_STARTED', `no process can be started for it`, error);
      });
      child.once('message', (answer) => {
        resolve(answer as KeyAnswer);
      });
      child.send(request);
    });
  } finally {
    settled.abort();
    timers.forEach(clearTimeout);
  }
}

/**
 * A killed process that waits for a device in the kernel does not end at once, and a process that
 * left the group may keep the output open.
 */
const LONGEST_END_MS = 1_000;

/**
 * Kills a process with everything it has started, and waits for that.
 *
 * @param closed - resolves when it has ended and its output was read.
 */
async function end(child: ChildProcess, closed: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The whole group has ended.
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, LONGEST_END_MS)));
  await Promise.race([closed, late]);
  clearTimeout(timer);
}

const MOST_OUTPUT = 2_048;

/** Modules print to standard error, which is the log of the daemon. */
function lastOutput(child: ChildProcess): () => string {
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-MOST_OUTPUT);
  });
  return () => output.trim();
}

function withoutSecret(output: string, secret: string | undefined): string {
  return secret ? output.replaceAll(secret, '[secret]') : output;
}
