import { CodedError, errorFactory } from '../foundation/errors.ts';

export const configErrors = {
  CONFIG_UNREADABLE: 'Check the path, and let the user of the daemon read the file.',
  CONFIG_NOT_YAML: 'Fix the YAML at the position named; config.example.yaml shows the format.',
  CONFIG_INVALID: 'Fix every problem in the list, then run `imds-anywhere check-config FILE`, which starts nothing.',
  CONFIG_UNKNOWN_KEY: 'Correct the spelling or remove the key; docs/configuration.md lists all keys.',
  CONFIG_MISSING_KEY: 'Add the key; docs/configuration.md describes it.',
  CONFIG_WRONG_VALUE: 'Set a value of the form named; docs/configuration.md has examples.',
  CONFIG_DUPLICATE_NAME: 'Use a different name for every role.',
  CONFIG_DUPLICATE_ADDRESS:
    'Use a different address for every listener: an IMDS client cannot say which role it wants. For a role that another endpoint serves, set imds: false.',
  CONFIG_UNKNOWN_ROLE: 'Use the name of a role in "roles", or add the role there.',
  CONFIG_ROLE_NOT_SERVED:
    'Add the role to a client of the container endpoint (container.tokens or container.kubernetes.roles), set imds.listen in place of imds: false, or set socket.',
  CREDENTIAL_NOT_IN_UNIT:
    'Add LoadCredential=NAME:FILE with `systemctl edit`, or correct the last part of the path. See docs/systemd.md.',
  CREDENTIAL_ENCRYPTED:
    'Start the service and check its status. Only systemd can decrypt the file, so this command did not check key and certificate.',
  SERVICE_CANNOT_READ:
    'Run `chmod 644` on a certificate, CA or configuration file and `chmod 755` on its directories. Pass a key to the service with LoadCredential= in its unit. See docs/systemd.md.',
  SERVICE_CANNOT_WRITE:
    'Run `install -d -o USER -m 700 DIRECTORY` for a directory, or `chown USER FILE` for a file, with the user of the daemon. With systemd, use the directory of StateDirectory=, RuntimeDirectory= or LogsDirectory=, or add ReadWritePaths= too.',
  CONFIG_NOT_LOOPBACK:
    'Listen on 127.0.0.1 or [::1]. If other machines or containers must reach the address, set allowNonLoopback: true next to it.',
} as const;

export const configError = errorFactory(configErrors, 'configuration');

/** One problem of a configuration, and its place. */
export interface ConfigProblem {
  /** `roles[0].roleArn`, or a flag such as `--role-arn`. */
  readonly key: string;
  /** `12:5` in the file, if known. */
  readonly place?: string | undefined;
  readonly error: CodedError;
  /** Absent: an error. */
  readonly severity?: 'error' | 'warning';
}

/** All problems of a configuration. */
export class ConfigInvalid extends CodedError {
  readonly source: string;
  readonly problems: readonly ConfigProblem[];

  constructor(source: string, problems: readonly ConfigProblem[]) {
    const errors = problems.filter(({ severity }) => severity !== 'warning').length;
    const count = errors === 1 ? '1 problem' : `${errors} problems`;
    super('CONFIG_INVALID', `${source} has ${count}`, configErrors.CONFIG_INVALID, undefined, 'configuration');
    this.source = source;
    this.problems = problems;
  }
}
