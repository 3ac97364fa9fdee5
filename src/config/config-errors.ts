import { CodedError, errorFactory } from '../foundation/errors.ts';

export const configErrors = {
  CONFIG_UNREADABLE: 'Check the path and that the user the daemon runs as may read the file.',
  CONFIG_NOT_YAML: 'Mend the YAML at the place named; config.example.yaml shows the form.',
  CONFIG_INVALID:
    'Fix every problem in the list; `imds-anywhere check-config FILE` checks the file without starting anything.',
  CONFIG_UNKNOWN_KEY: 'Correct the spelling or remove the key; docs/configuration.md lists all of them.',
  CONFIG_MISSING_KEY: 'Add the key; docs/configuration.md says what belongs there.',
  CONFIG_WRONG_VALUE: 'Give a value of the form named; docs/configuration.md has examples.',
  CONFIG_DUPLICATE_NAME: 'Give every role a name of its own.',
  CONFIG_DUPLICATE_ADDRESS:
    'Give every listener an address of its own: two cannot share one, and an IMDS client cannot say which role it wants. A role that another endpoint serves needs none: imds: false.',
  CONFIG_UNKNOWN_ROLE: 'Name a role of the list "roles", or add it there.',
  CONFIG_ROLE_NOT_SERVED:
    'Take imds: false away, or give the role to a client of the container endpoint (container.tokens), or have a socket.',
  CREDENTIAL_NOT_IN_UNIT:
    'Add LoadCredential=NAME:FILE for it with `systemctl edit`, or correct the last part of the path: docs/systemd.md.',
  CREDENTIAL_ENCRYPTED:
    'Start the service and see its status: only systemd can decrypt the file, so key and certificate were not checked here.',
  SERVICE_CANNOT_READ:
    'Run `chmod 644` on a certificate, CA or configuration file and `chmod 755` on its directories. Give the service a key with LoadCredential= in its unit: docs/systemd.md.',
  CONFIG_NOT_LOOPBACK:
    'Listen on 127.0.0.1 or [::1]. If other machines or containers must reach it, say so with allowNonLoopback: true beside the address.',
} as const;

export const configError = errorFactory(configErrors, 'configuration');

/** One thing wrong with a configuration, and where. */
export interface ConfigProblem {
  /** `roles[0].roleArn`, or a flag such as `--role-arn`. */
  readonly key: string;
  /** `12:5` in the file, where it is known. */
  readonly place?: string | undefined;
  readonly error: CodedError;
  /** Absent: an error. */
  readonly severity?: 'error' | 'warning';
}

/** Everything that is wrong with a configuration, at once. */
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
