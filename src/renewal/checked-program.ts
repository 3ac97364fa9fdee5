/** What is known about a renewal before it is due. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import { readFileContent } from '../files/read-file.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import { messageOf } from '../foundation/errors.ts';
import { programFiles } from '../identity/identity-files.ts';
import { pairFiles } from '../identity/next-key.ts';
import { checkProgramFiles } from '../identity/outside-identity.ts';
import { formFault } from './certificate-file.ts';
import { renewalError } from './renewal-errors.ts';

type Renewable = Pick<IdentityConfig, 'certificate' | 'renew' | 'allowReadableKey'>;

/**
 * The program runs as the user of the daemon, so no other user may be able to change it, or a
 * script that it is given.
 *
 * @throws CodedError of `fileErrors`
 */
export async function checkProgram({ renew, allowReadableKey }: Renewable): Promise<void> {
  if (!renew || allowReadableKey) return;
  await checkProgramFiles(programFiles(renew.command));
}

/** For `check-config`: whether this user can run the program, and write the certificate and key. */
export async function checkRenewal(config: IdentityConfig): Promise<readonly ConfigFinding[]> {
  const { certificate, renew } = config;
  if (!renew || typeof certificate !== 'string') return [];
  const directories = new Set(
    [certificate, pairFiles(config)?.privateKey ?? certificate].map((file) => path.dirname(file)),
  );
  return (
    await Promise.all([missingProgram(renew.command[0]), ...[...directories].map(unwritable), unfitForm(certificate)])
  ).flat();
}

async function missingProgram(program: string): Promise<ConfigFinding[]> {
  const cause = await fault(runnable(program));
  if (cause === undefined) return [];
  const error = renewalError('RENEWAL_PROGRAM_MISSING', `${program} cannot be run: ${messageOf(cause)}`, cause);
  return [{ severity: 'error', path: ['identity', 'renew', 'command'], error }];
}

/** Directories may be executable too. */
async function runnable(program: string): Promise<void> {
  await access(program, constants.X_OK);
  if (!(await stat(program)).isFile()) throw new Error('it is not a file');
}

async function unwritable(directory: string): Promise<ConfigFinding[]> {
  const cause = await fault(access(directory, constants.W_OK));
  if (cause === undefined) return [];
  const error = renewalError('RENEWAL_NOT_WRITTEN', `this user cannot write ${directory}`, cause);
  return [{ severity: 'warning', path: ['identity', 'renew'], error }];
}

/** A file that cannot be read is another finding. */
async function unfitForm(certificate: string): Promise<ConfigFinding[]> {
  const file = await readFileContent(certificate).catch(() => undefined);
  const error = file && formFault(certificate, file.content);
  return error ? [{ severity: 'error', path: ['identity', 'certificate'], error }] : [];
}

async function fault(work: Promise<void>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
