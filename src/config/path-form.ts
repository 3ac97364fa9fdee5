import { writtenSource } from '../keys/key-source.ts';

// Values in place of a path that are something else.

interface NoPath {
  readonly looksSo: RegExp;
  readonly what: string;
}

const NO_PATHS: readonly NoPath[] = [
  { looksSo: /\n|-----BEGIN /, what: 'the path of a file, not its content' },
  { looksSo: /^pkcs11:/i, what: 'the path of a file; only certificate and privateKey can be PKCS#11 URIs' },
  { looksSo: /^ssh-agent:/i, what: 'the path of a file; only privateKey can be in an SSH agent' },
  { looksSo: /^handle:/i, what: 'the path of a file; only privateKey can be a handle in a TPM' },
  {
    looksSo: /^(?:tpm2?|tpmkey):|^0x81[0-9a-f]{6}$/i,
    what: 'the path of a file, or handle: and the handle of a key in a TPM, such as handle:0x81010001',
  },
  { looksSo: /^file:/i, what: 'a path such as /etc/imds-anywhere/device.pem, without file:' },
  { looksSo: /^arn:/i, what: 'the path of a file; it is an ARN, and nothing is fetched from AWS' },
  { looksSo: /^[a-z][a-z0-9+.-]*:\/\//i, what: 'the path of a file; it is a URL, and nothing is fetched' },
  {
    looksSo:
      /^(?:env|engine|store|ncrypt|vault|base64|keychain|data|credential|yubikey|(?:aws|azure|cloud|mac|soft|sshagent|tpm)kms):/i,
    what: 'the path of a file; it is a URI of another program',
  },
  { looksSo: /^~[\w-]*(?:\/|$)/, what: 'a path without ~, which only shells expand: write out the home directory' },
  {
    looksSo: /\$\{\w+[^}]*\}|^\$\w+(?:\/|$)|\$\(/,
    what: 'a path without variables, which are not expanded here: write out their values',
  },
  { looksSo: /^%[a-zA-Z](?:\/|$)/, what: 'a path without %, which systemd expands only in units: write out the value' },
  { looksSo: /\{\{/, what: 'a path; {{ }} is a template that was not filled in' },
  { looksSo: /^\s|\s$/, what: 'a path without white space around it' },
  { looksSo: /^(["']).*\1$/, what: 'a path without quotes in it' },
];

/** Like {@link pathFault}, for a value that may also be a key outside of files. */
export function keySourceFault(value: string): string | undefined {
  const source = writtenSource(value);
  if (typeof source === 'string') return source;
  if (source?.kind === 'ssh-agent') return source.socket && pathFault(source.socket);
  return source ? undefined : pathFault(value);
}

/** Like {@link pathFault}, for a certificate, which can be in a token but not in an agent. */
export function certificateSourceFault(value: string): string | undefined {
  return /^pkcs11:/i.test(value) ? keySourceFault(value) : pathFault(value);
}

/**
 * The end of a message that starts with "… must be"; undefined if the value can be a path. Values
 * may contain a PIN, so none is repeated.
 */
export function pathFault(value: string): string | undefined {
  return NO_PATHS.find(({ looksSo }) => looksSo.test(value))?.what;
}
