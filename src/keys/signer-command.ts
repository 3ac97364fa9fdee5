/**
 * Signs with a program of the operator: the CLI of a cloud KMS, a vendor's tool, or anything else
 * with a key. docs/keys.md has the protocol: one line of JSON in, one out.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { messageOf } from '../foundation/errors.ts';
import { printable } from '../foundation/printable.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { type ProgramOutcome, runWithFiles } from '../platform/program-with-files.ts';
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

const MOST_OUTPUT = 64 * 1024;

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
  const input = { text: requestLine(request), mostOutput: MOST_OUTPUT, environment, signal };
  try {
    return signatureIn(await runWithFiles(source, input), source);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeyFailure) throw error;
    throw failure('SIGNER_COMMAND_FAILED', source, messageOf(error), 'soon', error);
  }
}

/** @throws KeyFailure */
function signatureIn(outcome: ProgramOutcome, source: CommandSource): Buffer {
  switch (outcome.kind) {
    case 'not-started': {
      const what = `it cannot be started: ${messageOf(outcome.cause)}`;
      throw failure('SIGNER_COMMAND_MISSING', source, what, 'slow', outcome.cause);
    }
    case 'no-space': {
      const what = `no file for its request: ${messageOf(outcome.cause)}`;
      throw failure('SIGNER_NO_SPACE', source, what, 'soon', outcome.cause);
    }
    case 'late':
      throw failure('SIGNER_TIMEOUT', source, `no answer within ${source.timeoutMs / 1_000} s`, 'soon');
    case 'too-much':
      throw failure('SIGNER_COMMAND_ANSWER', source, `it printed more than ${MOST_OUTPUT / 1024} KiB`, 'slow');
    case 'ended': {
      const answer = answerIn(outcome.output);
      if (typeof answer.signature === 'string' && outcome.end === undefined)
        return Buffer.from(answer.signature, 'base64');
      throw typeof answer.error === 'string'
        ? failure('SIGNER_COMMAND_FAILED', source, answer.error, answer.retry === true ? 'soon' : 'slow')
        : unanswered(source, outcome.end, outcome.errors);
    }
  }
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
function unanswered(source: CommandSource, end: string | undefined, errors: string): KeyFailure {
  const lines = errors.trim().split('\n');
  const said = lines.at(-1) === '' ? '' : `: ${lines.at(-1) ?? ''}`;
  if (end === undefined)
    return failure('SIGNER_COMMAND_ANSWER', source, `its answer is not JSON with a signature${said}`, 'slow');
  return end.startsWith('SIG')
    ? failure('SIGNER_ENDED', source, `it was ended by ${end}${said}`, 'soon')
    : failure('SIGNER_COMMAND_FAILED', source, `it ended with ${end}${said}`, 'slow');
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
