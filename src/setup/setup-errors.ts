import { errorFactory } from '../foundation/errors.ts';

export const setupErrors = {
  SETUP_ANSWER_MISSING:
    'Set the options that the message names, or run `imds-anywhere init` on a terminal, which asks.',
  SETUP_ANSWER_WRONG: 'Correct the option that the message names. See `imds-anywhere init --help`.',
  SETUP_BUNDLE_UNUSABLE:
    'Set --ca-bundle to a PEM file with one or two CA certificates, which have basicConstraints CA:TRUE and keyUsage keyCertSign.',
  SETUP_CERTIFICATE_UNRELATED:
    'Set --ca-bundle to the CA that issued the certificate, or add the intermediates to the file of --certificate.',
  SETUP_CANNOT_TRY: 'Use --ca new, or set --ca-bundle, --certificate and --private-key of one machine.',
  SETUP_FILE_EXISTS:
    'Choose another directory, or set --force to replace these files. It never replaces private keys: move those away first.',
  SETUP_NOT_WRITTEN: 'Choose a directory that you can write and that other users cannot change.',
} as const;

export const setupError = errorFactory(setupErrors, 'usage', {
  SETUP_NOT_WRITTEN: 'transient',
});
