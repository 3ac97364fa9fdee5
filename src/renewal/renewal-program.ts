/** The program that gets a new certificate: a request in, certificates out. */
import type { RenewConfig } from '../config/config.ts';
import { messageOf } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { printable } from '../foundation/printable.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { type ProgramOutcome, runWithFiles } from '../platform/program-with-files.ts';
import { renewalError } from './renewal-errors.ts';

/** Runs the program with a request (PEM). @throws the signal's reason. */
export type AskForCertificate = (renew: RenewConfig, request: string, signal: AbortSignal) => Promise<ProgramOutcome>;

const MOST_OUTPUT = 1024 * 1024;

/** @param environment - of this process. The program gets PATH and the configured variables. */
export function askProgram(environment: Environment): AskForCertificate {
  return ({ command: argv, timeout, environment: names }, text, signal) =>
    runWithFiles(
      { argv, environment: names, timeoutMs: timeout * 1_000 },
      { text, mostOutput: MOST_OUTPUT, environment, signal },
    );
}

const MOST_LOGGED = 2_048;

/**
 * What a program printed. Its standard error goes to the log.
 *
 * @throws CodedError if it failed.
 */
export function answerOf(outcome: ProgramOutcome, { command: [program], timeout }: RenewConfig, log: Log): string {
  const errors = 'errors' in outcome ? printable(outcome.errors.trim().slice(-MOST_LOGGED)) : '';
  if (errors !== '') log('info', 'output of the renewal program', { program, output: errors });
  switch (outcome.kind) {
    case 'not-started':
      throw renewalError('RENEWAL_PROGRAM_MISSING', `${program} cannot be started: ${messageOf(outcome.cause)}`);
    case 'no-space':
      throw renewalError('RENEWAL_NO_SPACE', `no file for the request to ${program}: ${messageOf(outcome.cause)}`);
    case 'late':
      throw renewalError('RENEWAL_TIMEOUT', `${program} did not end within ${timeout} s, and was killed`);
    case 'too-much':
      throw renewalError('RENEWAL_TOO_MUCH_OUTPUT', `${program} printed more than ${MOST_OUTPUT / 1024} KiB`);
    case 'ended': {
      if (outcome.end === undefined) return outcome.output;
      const last = errors.split('\n').at(-1)?.slice(0, 400) ?? '';
      throw renewalError('RENEWAL_PROGRAM_FAILED', `${program} ended with ${outcome.end}${last && `: ${last}`}`);
    }
  }
}
