// The flags of aws_signing_helper 1.8 (cmd/credentials.go and the three commands), and what each
// becomes here.

export interface HelperFlag {
  /** Boolean as in Go: no value, `=true` or `=false`. Other flags take a value. */
  readonly takesValue: boolean;
  /** `same`: it has an equivalent here. `idle`: it has no meaning here. */
  readonly here: 'same' | 'idle' | 'refused';
  /** A remark for the user, if it is not the same. */
  readonly instead: string;
}

const value = (here: HelperFlag['here'] = 'same', instead = ''): HelperFlag => ({ takesValue: true, here, instead });
const alone = (here: HelperFlag['here'] = 'same', instead = ''): HelperFlag => ({ takesValue: false, here, instead });

export const STORES =
  'certificate stores of the operating system are not supported: export certificate and key, and set --certificate and --private-key to the files. For a token, name the certificate with object or id in a pkcs11: URI, or with --cert-selector';

export const HELPER_FLAGS: Readonly<Record<string, HelperFlag>> = {
  '--certificate': value(),
  '--private-key': value(),
  '--intermediates': value(),
  '--trust-anchor-arn': value(),
  '--profile-arn': value(),
  '--role-arn': value(),
  '--region': value(),
  '--endpoint': value(),
  '--session-duration': value(),
  '--role-session-name': value(),
  '--port': value(),
  '--hop-limit': value(),
  '--profile': value(),
  '--once': alone(),
  '--debug': alone(),
  '--with-proxy': alone('idle', 'not needed: HTTPS_PROXY and NO_PROXY always apply'),
  '--pkcs8-password': value(
    'refused',
    'every user of the host can read a passphrase on the command line: use --passphrase-file or --passphrase-env',
  ),
  '--no-verify-ssl': alone(
    'refused',
    'the response contains credentials, so TLS is always verified: set --ca-bundle to the CA',
  ),
  '--cert-selector': value(),
  '--system-store-name': value('refused', STORES),
  '--use-latest-expiring-certificate': alone('refused', STORES),
  '--pkcs11-lib': value(),
  '--reuse-pin': alone('idle', 'not needed: the PIN is used wherever the token wants it'),
  '--tpm-key-password': value(
    'refused',
    'every user of the host can read a password on the command line: use --passphrase-file or --passphrase-env',
  ),
  '--no-tpm-key-password': alone('idle', 'not needed: without --passphrase-file there is no password'),
};

/** strconv.ParseBool, with which Go reads `--debug=false`. */
export function goBoolean(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}
