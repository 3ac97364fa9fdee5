import { errorFactory } from '../foundation/errors.ts';

export const commandErrors = {
  FLAG_NOT_SUPPORTED: 'Use what the text names in place of the flag.',
  NO_CONFIGURATION:
    'Name a configuration file, or give at least --certificate, --trust-anchor-arn, --profile-arn and --role-arn.',
  TWO_CONFIGURATIONS:
    'Give either a configuration file or the flags: which of two values would win is nothing to guess.',
  ROLE_NOT_CONFIGURED: 'Name one of the roles of the configuration with --role.',
  CLIENT_NOT_CONFIGURED:
    'Name the configuration with --config, and one of the clients of its container.tokens with --client.',
  OUTPUT_NOT_WRITTEN:
    'Free space on that file system, or give the command a standard output that takes its answer; `>/dev/null` discards it.',
  DAEMON_NOT_THERE:
    'Start the daemon with `socket:` in its configuration, or give `credential-process` a configuration or flags of its own.',
  DAEMON_REFUSED:
    'Ask for a role that the daemon serves, by name or ARN, as a user who may have it; `imds-anywhere serve` logs why it has no session.',
  SOCKET_NOT_TRUSTED:
    'Put the socket of the daemon into a directory that only root or its user can write, such as /run/imds-anywhere.',
  ROLE_WITHOUT_IMDS:
    'Give the role an address with imds.listen, or name a client of the container endpoint with --client: docs/container-credentials.md.',
  DEMO_NEEDS_SDK: 'Run `npm install @aws-sdk/client-sts` in this directory, or the demo in a checkout after `npm ci`.',
  EMULATOR_CANNOT_LISTEN: 'Choose another address with --listen; port 0 takes a free one.',
  ADMIN_NOT_CONFIGURED: 'Add admin: { listen: 127.0.0.1:9910 } to the configuration, and restart the daemon.',
  DAEMON_UNREACHABLE:
    'Check that the daemon runs and its configuration has `admin`, that --url or --socket names that place, and for a socket that this user is in its group.',
} as const;

export const commandError = errorFactory(commandErrors, 'usage', {
  OUTPUT_NOT_WRITTEN: 'transient',
  DAEMON_NOT_THERE: 'transient',
  DAEMON_REFUSED: 'refused',
  EMULATOR_CANNOT_LISTEN: 'transient',
  DAEMON_UNREACHABLE: 'transient',
});
