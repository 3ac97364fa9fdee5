import { errorFactory } from '../foundation/errors.ts';

export const renewalErrors = {
  RENEWAL_NOT_CONFIGURED:
    'Set identity.renew.command to a program that gets a certificate: docs/renewal.md has scripts for several CAs.',
  RENEWAL_PROGRAM_MISSING:
    'Set identity.renew.command to the path of a program that the user of the daemon may run, and check the interpreter on its first line.',
  RENEWAL_UNDERWAY:
    'Wait until it has ended: `imds-anywhere status` shows the end of the certificate. Its lock ends two minutes after identity.renew.timeout at the latest.',
  RENEWAL_NO_SPACE:
    'Free space in /dev/shm or in the temporary directory (TMPDIR, else /tmp): the program gets files there for its input and output, of 2 MiB in all. The daemon tries again automatically.',
  RENEWAL_TIMEOUT:
    'Check whether the CA answers, and whether the program waits for a terminal. identity.renew.timeout is the time it has. The daemon tries again automatically.',
  RENEWAL_PROGRAM_FAILED:
    'Fix what the program reports in the log. Run `imds-anywhere renew --dry FILE` as the user of the daemon to see all of it. The daemon tries again automatically.',
  RENEWAL_NO_CERTIFICATE:
    'Let the program print the certificate and its chain in PEM, or write identity.certificate itself. If it ends a pipe, use `set -o pipefail`. The daemon tries again automatically.',
  RENEWAL_TOO_MUCH_OUTPUT: 'Let the program print only the certificate and its chain: at most 1 MiB.',
  RENEWAL_NOT_NEWER:
    'Let the CA issue a certificate that ends later than the one in use. A program that caches its answer must not. The daemon tries again automatically.',
  RENEWAL_REFUSED:
    'Fix what the refusal names: the CA may have changed, or the subject of the certificate. The certificate in use is kept. The daemon tries again automatically.',
  RENEWAL_NOT_ADOPTED:
    'Read the log: it says why the files that the program wrote are not used. The certificate in use is kept. The daemon tries again automatically.',
  RENEWAL_NOT_WRITTEN:
    'Let the user of the daemon write the directory of identity.certificate (ReadWritePaths= of the unit). Until then, a restart goes back to the previous certificate. The daemon tries again automatically.',
  RENEWAL_KEY_STAYS:
    'Remove identity.renew.rekey: only a key that is itself in the file can be replaced, not one of a TPM.',
  RENEWAL_FILE_FORM:
    'Convert the file to PEM: `openssl pkcs12 -in FILE -nodes` prints certificate and key. Only PEM and a certificate in DER can be renewed in place.',
} as const;

export const renewalError = errorFactory(renewalErrors, 'transient', {
  RENEWAL_NOT_CONFIGURED: 'configuration',
  RENEWAL_FILE_FORM: 'configuration',
  RENEWAL_KEY_STAYS: 'configuration',
});
