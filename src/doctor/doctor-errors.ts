import { errorFactory } from '../foundation/errors.ts';

export const doctorErrors = {
  DOCTOR_NOTHING_NAMED:
    'Run `imds-anywhere doctor FILE` with a configuration, or `imds-anywhere doctor --from-bundle BUNDLE`.',
  DOCTOR_ROLE_UNKNOWN: 'Set --role to one of the roles of the configuration.',
  DOCTOR_USER_UNKNOWN: 'Set --user to the user of the daemon: User= of its unit, or the owner of its process.',
  BUNDLE_NOT_WRITTEN: 'Name a new file with --bundle, in a directory that you can write. Existing files are kept.',
  BUNDLE_UNREADABLE:
    'Name a file that `imds-anywhere doctor FILE --bundle BUNDLE` wrote, of this version or an earlier one.',
  SERVICE_NOT_RUNNING:
    'Start the unit with `systemctl start`. If it failed, `journalctl -u` with its name shows why, in lines with a code.',
  ENDPOINT_SILENT:
    'Start the daemon: `systemctl start imds-anywhere`, or `imds-anywhere serve FILE`. If it runs, compare the addresses in its log with those of this file.',
  ENDPOINT_FOREIGN:
    'Find the program that listens there with `ss -ltnp`. Stop it, or set another address with imds.listen or container.listen.',
  ENDPOINT_OTHER_ROLE:
    'Reload the daemon (`systemctl reload imds-anywhere`, or SIGHUP), or check that it runs with this file: another configuration is in use.',
  ENDPOINT_WITHOUT_SESSION:
    'Read the log of the daemon, or run `imds-anywhere status`. A session was possible from here, so its user, environment or files differ.',
  ENDPOINT_REFUSES_USER:
    'Add the user to `allow` of the role, or run `imds-anywhere doctor` as the user of the program. After a restart of the daemon, a token file may be new.',
  CONTAINER_TOKEN_MISSING:
    'Check that the daemon runs with this configuration: it writes the file at its start. Its log says why it could not.',
} as const;

export const doctorError = errorFactory(doctorErrors, 'usage', { BUNDLE_NOT_WRITTEN: 'transient' });
