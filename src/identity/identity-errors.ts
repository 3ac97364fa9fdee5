import { errorFactory } from '../foundation/errors.ts';

export const identityErrors = {
  // Files
  IDENTITY_FILE_MISSING: 'Check the path; the file may also be in the middle of being replaced, which mends itself.',
  IDENTITY_FILE_UNREADABLE: 'Let the user the daemon runs as read the file and enter the directories above it.',
  IDENTITY_FILE_NOT_REGULAR: 'Name a regular file: pipes and directories cannot be read again when they change.',
  IDENTITY_FILE_EMPTY: 'Write the file again; it may also be in the middle of being replaced, which mends itself.',
  IDENTITY_FILE_TOO_LARGE: 'Name the file that holds only the certificate, chain or key: those take a few kilobytes.',
  IDENTITY_FILES_SLOW: 'See whether the file system they are on answers; a network share may be gone.',
  IDENTITY_FILE_UNKNOWN_FORMAT:
    'Give PEM, DER or PKCS#12. PKCS#12 between BEGIN and END lines becomes a file with `base64 -d`. A PKCS#7 bundle becomes PEM with `openssl pkcs7 -print_certs`.',
  PEM_BLOCK_UNFINISHED: 'Write the file again: it was cut off, or two blocks ran into each other.',
  PEM_BLOCK_MALFORMED:
    'Write the block again as its issuer gave it: BEGIN line, base64, END line. `openssl x509 -in FILE` or `openssl pkey -in FILE` must read it.',
  PEM_LINE_BREAKS_ESCAPED:
    'Write the file with real line breaks: `jq -r .KEY FILE` takes text out of JSON, `printf \'%b\' "$TEXT"` turns \\n into line breaks.',
  KEY_FILE_EXPOSED:
    'If the daemon runs as the owner of the file, run `chmod 600` on it. Otherwise run `chown root:GROUP` and `chmod 640` on it, with a group that the user of the daemon is in. Where the file system cannot do either, set identity.allowReadableKey (--allow-readable-key).',
  KEY_FILE_FOREIGN:
    'Give the file to the user the daemon runs as, or to root, or set identity.allowReadableKey (--allow-readable-key): its owner could replace the key.',

  // Certificates
  NO_CERTIFICATE: 'Name a file with at least one X.509 certificate.',
  TOO_MANY_CERTIFICATES: 'Name a file with the signing certificate and its chain only, not a whole trust store.',
  CERTIFICATE_MALFORMED:
    'Fetch the certificate again from its issuer; `openssl x509 -text -in FILE` and `openssl asn1parse -in FILE` show what is in it.',
  CERTIFICATE_BLOCKS_SKIPPED:
    'Remove the blocks, or convert them to CERTIFICATE blocks if they hold certificates that are needed.',
  CHAIN_TOO_LONG:
    'Make an intermediate the trust anchor and name its certificate with identity.trustAnchorBundle, or use a CA nearer to the trust anchor: the service takes five.',
  CHAIN_HAS_TOO_MANY_WAYS:
    'Name the certificate of the trust anchor with identity.trustAnchorBundle, so that only the way to it is sent, or remove what does not lead there.',
  TRUST_ANCHOR_UNREACHABLE:
    'Add the missing CA certificate to identity.certificate or identity.intermediates, or correct identity.trustAnchorBundle: `aws rolesanywhere get-trust-anchor` shows the certificates of the anchor.',
  KEY_CERTIFICATE_MISMATCH:
    'Name the key the certificate was issued for; while files are being renewed this mends itself.',
  KEY_CREDENTIAL_OUTDATED:
    'Restart the service with `systemctl restart` and the unit that the text names: systemd copies credentials only when it starts a service. docs/systemd.md has a unit that does it after each renewal.',
  CERTIFICATE_NOT_V3: 'Have the certificate issued as X.509 version 3, that is, with extensions.',
  CERTIFICATE_IS_CA: 'Use an end-entity certificate: IAM Roles Anywhere refuses CA certificates.',
  CERTIFICATE_KEY_USAGE: 'Have the certificate issued with the keyUsage digitalSignature.',
  CERTIFICATE_WEAK_SIGNATURE: 'Have the certificate signed with SHA-256 or stronger.',
  CERTIFICATE_SERIAL_NEGATIVE:
    'Have the certificate issued again: RFC 5280 wants a positive serial number, and the signature names it as an unsigned one.',
  CERTIFICATE_UNUSUAL:
    'Try a session with it. Where IAM Roles Anywhere rejects it, have the certificate issued again without what is named.',
  CERTIFICATE_EMPTY_SUBJECT:
    'Have the certificate issued with a subject, such as CN=device-0001: alternative names alone are not enough for the service.',
  CERTIFICATE_NOT_YET_VALID: 'Set the clock of this machine, or wait until the certificate begins.',
  CERTIFICATE_EXPIRED: 'Renew the certificate; if it is valid, set the clock of this machine.',
  CERTIFICATE_EXPIRES_SOON: 'Renew the certificate, or see why its renewal did not happen.',
  CERTIFICATE_UNRELATED: 'Remove it, or add what is missing between it and the signing certificate.',
  CERTIFICATE_SUBJECT_CHANGED:
    'Where the change is wanted, adapt trust policies with conditions on aws:PrincipalTag/x509Subject or sts:SourceIdentity, and whatever names the subject of IAM Roles Anywhere; else renew with the old subject.',
  INTERMEDIATE_WEAK_SIGNATURE:
    'Have the CA certificate issued again with SHA-256 or stronger: IAM Roles Anywhere rejects MD5, SHA-1 and SHA-224 in the whole path.',
  INTERMEDIATE_NOT_VALID: 'Fetch the chain again from the issuer: the service refuses a path with such a certificate.',

  // Private keys
  NO_PRIVATE_KEY: 'Name the file of the key with identity.privateKey (--private-key).',
  SEVERAL_PRIVATE_KEYS: 'Keep one private key in the file: which of them is meant is nothing to guess.',
  PRIVATE_KEY_MALFORMED:
    'Take the key from its backup or make a new one; `openssl pkey -noout -in FILE` shows what is wrong.',
  PRIVATE_KEY_FORM_UNSUPPORTED:
    'Convert the key to PKCS#8: `ssh-keygen -p -m PKCS8` for OpenSSH keys. Keys in a TPM are not supported.',
  PRIVATE_KEY_ENCRYPTION_UNSUPPORTED:
    'Encrypt the key anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW` (with `-provider legacy -provider default` where needed).',
  KEY_DERIVATION_TOO_COSTLY:
    'Encrypt the key anew with fewer iterations: deriving its password would stop the daemon from answering.',
  PASSPHRASE_MISSING:
    'Say where the passphrase is with identity.passphrase (--passphrase-file, --passphrase-env): a file, a systemd credential or an environment variable.',
  PASSPHRASE_WRONG: 'Correct the passphrase, or name the file it belongs to.',
  PASSPHRASE_TOO_LONG: 'Use a passphrase of at most 1024 bytes, which is what OpenSSL takes.',
  PASSPHRASE_VARIABLE_UNSET:
    'Set the environment variable for the daemon, or name another source in identity.passphrase.',
  CREDENTIALS_DIRECTORY_UNSET:
    'Start the daemon by systemd with LoadCredential= or LoadCredentialEncrypted=, or name another source in identity.passphrase.',
  PKCS12_UNREADABLE:
    'Export it anew: `openssl pkcs12 -export -macalg SHA256 -inkey KEY -in CERTIFICATE -certfile CHAIN -out FILE`.',
  KEY_TYPE_UNSUPPORTED:
    'Have a certificate issued for an EC key on P-256, P-384 or P-521, or an RSA key of 2048 to 4096 bits: IAM Roles Anywhere takes no other kind but ML-DSA.',
  KEY_CURVE_UNSUPPORTED: 'Have a certificate issued for a key on P-256, P-384 or P-521.',
  RSA_KEY_TOO_SMALL: 'Have a certificate issued for an RSA key of 2048 to 4096 bits, or an EC key on P-256.',
  RSA_KEY_TOO_LARGE: 'Have a certificate issued for an RSA key of 2048 to 4096 bits, or an EC key on P-256.',
  ML_DSA_NEEDS_NEWER_NODE: 'Run Node 24 or newer, whose OpenSSL signs with ML-DSA, or use an EC or RSA key.',
  KEY_SELF_TEST_FAILED: 'The key or the certificate is damaged: take both from their backup or renew them.',
} as const;

export const identityError = errorFactory(identityErrors);
