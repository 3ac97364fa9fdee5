import { errorFactory } from '../foundation/errors.ts';

/** What can be wrong with an emulated account or its files. Refusals of a call are not here: they use the service's own words. */
export const emulatorErrors = {
  EMULATOR_ACCOUNT_UNREADABLE:
    'Check the path and the permissions; `imds-anywhere emulate --dir DIR` makes an account in an empty directory.',
  EMULATOR_ACCOUNT_INVALID: 'Correct the keys named; docs/emulator.md describes account.yaml.',
  EMULATOR_CERTIFICATE_UNREADABLE:
    'Trust anchors need PEM files of CA certificates, revocation lists are PEM or DER; paths are relative to account.yaml.',
  EMULATOR_DIRECTORY_NOT_EMPTY: 'Name an empty directory, or one that has an account.yaml; nothing is overwritten.',
  EMULATOR_DIRECTORY_UNWRITABLE: 'Name a directory that this user may create and write to.',
} as const;

export const emulatorError = errorFactory(emulatorErrors);
