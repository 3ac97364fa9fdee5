import { errorFactory } from '../foundation/errors.ts';

/**
 * Problems of an emulated account or its files. Refusals of calls are not here, because they use
 * the service's own words.
 */
export const emulatorErrors = {
  EMULATOR_ACCOUNT_UNREADABLE:
    'Check the path and the permissions; `imds-anywhere emulate --dir DIR` creates an account in an empty directory.',
  EMULATOR_ACCOUNT_INVALID: 'Correct the keys named; docs/emulator.md describes account.yaml.',
  EMULATOR_CERTIFICATE_UNREADABLE:
    'Use PEM files of CA certificates for trust anchors, and PEM or DER for revocation lists. Paths are relative to account.yaml.',
  EMULATOR_DIRECTORY_NOT_EMPTY: 'Use an empty directory, or one with an account.yaml. Nothing is overwritten.',
  EMULATOR_DIRECTORY_UNWRITABLE: 'Use a directory that this user can create and write.',
} as const;

export const emulatorError = errorFactory(emulatorErrors);
