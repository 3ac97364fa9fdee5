import { errorFactory } from '../foundation/errors.ts';

export const commandErrors = {
  COMMAND_LINE_INVALID:
    'Correct the command line: `imds-anywhere help` lists the commands, and `imds-anywhere COMMAND --help` lists the options of one.',
  FLAG_NOT_SUPPORTED: 'Replace the flag with what the message names.',
  CERT_SELECTOR_UNUSABLE:
    "Write --cert-selector 'Key=x509Subject,Value=CN=device,O=Example', with x509Issuer or x509Serial instead or after a space, or file:// and the path of a list in JSON.",
  NO_CONFIGURATION:
    'Give a configuration file, or at least --certificate, --trust-anchor-arn, --profile-arn and --role-arn.',
  TWO_CONFIGURATIONS: 'Give either a configuration file or flags, not both.',
  ROLE_NOT_CONFIGURED: 'Set --role to one of the roles of the configuration.',
  CERTIFICATE_NOT_NAMED: 'Name the certificate of the host: `imds-anywhere policy show device.pem`.',
  POLICY_NOT_NAMED:
    'Run `imds-anywhere policy test --trust-policy trust.json --certificate device.pem`. For permissions add --role-policy and --action.',
  NOT_JSON: 'Save the JSON that the AWS CLI or the console shows in this file.',
  CLIENT_NOT_CONFIGURED: 'Set --config to the configuration file, and --client to a client in its container.tokens.',
  OUTPUT_NOT_WRITTEN:
    'Redirect standard output to a writable place with free space. If it is a pipe, its reader has ended. `>/dev/null` discards the output.',
  DAEMON_NOT_THERE:
    'Start the daemon with `socket:` in its configuration, or give `credential-process` a configuration file or flags.',
  DAEMON_REFUSED:
    'Ask for a role of the daemon by name or ARN, as a user who is allowed to have it. If the role has no session, read the log of the daemon.',
  SOCKET_NOT_TRUSTED:
    'Put the socket of the daemon into a directory that only root or its own user can write, such as /run/imds-anywhere.',
  ROLE_WITHOUT_IMDS:
    'Set imds.listen for the role, or set --client to a client of the container endpoint. See docs/container-credentials.md.',
  KEY_FILE_NOT_WRITTEN: 'Name a file with --tpm that does not exist yet, in a directory that you can write.',
  DEMO_NEEDS_SDK:
    'Run `npm install @aws-sdk/client-sts` in this directory, or run the demo in a checkout after `npm ci`.',
  EMULATOR_CANNOT_LISTEN: 'Choose another address with --listen; port 0 selects a free port.',
  ADMIN_NOT_CONFIGURED: 'Add admin: { listen: 127.0.0.1:9910 } to the configuration, and restart the daemon.',
  ADMIN_PORT_UNKNOWN:
    'Give --url with the address in the log of the daemon, or configure a port or a socket for `admin`.',
  DAEMON_UNREACHABLE:
    'Check that the daemon runs with `admin` in its configuration, and that --url or --socket matches it. For a socket, check that this user is in its group.',
} as const;

export const commandError = errorFactory(commandErrors, 'usage', {
  OUTPUT_NOT_WRITTEN: 'transient',
  DAEMON_NOT_THERE: 'transient',
  DAEMON_REFUSED: 'refused',
  EMULATOR_CANNOT_LISTEN: 'transient',
  DAEMON_UNREACHABLE: 'transient',
});
