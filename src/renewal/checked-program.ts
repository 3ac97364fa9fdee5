/** What is known about a renewal before it is due. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import { inspectFile } from '../files/inspect-file.ts';
import { dangerIn } from '../files/safe-place.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import { messageOf } from '../foundation/errors.ts';
import { renewalError } from './renewal-errors.ts';

type Renewable = Pick<IdentityConfig, 'certificate' | 'renew' | 'allowReadableKey'>;

/**
 * The program runs as the user of the daemon, so nobody else may be able to change it.
 *
 * @throws CodedError of `fileErrors`
 */
export async function checkProgram({ renew, allowReadableKey }: Renewable): Promise<void> {
  if (!renew || allowReadableKey) return;
  const danger = dangerIn(await inspectFile(renew.command[0], { use: 'trusted' }));
  if (danger) throw danger;
}

/** For `check-config`: whether this user can run the program, and write the certificate. */
export async function checkRenewal({ certificate, renew }: Renewable): Promise<readonly ConfigFinding[]> {
  if (!renew || typeof certificate !== 'string') return [];
  const [program] = renew.command;
  const fault = async (file: string, mode: number): Promise<unknown> =>
    access(file, mode).then(
      () => undefined,
      (error: unknown) => error,
    );
  const missing = await fault(program, constants.X_OK);
  const directory = path.dirname(certificate);
  const unwritable = await fault(directory, constants.W_OK);
  return [
    ...(missing === undefined
      ? []
      : [
          {
            severity: 'error' as const,
            path: ['identity', 'renew', 'command'],
            error: renewalError('RENEWAL_PROGRAM_MISSING', `${program} cannot be run: ${messageOf(missing)}`, missing),
          },
        ]),
    ...(unwritable === undefined
      ? []
      : [
          {
            severity: 'warning' as const,
            path: ['identity', 'renew'],
            error: renewalError('RENEWAL_NOT_WRITTEN', `this user cannot write ${directory}`, unwritable),
          },
        ]),
  ];
}
