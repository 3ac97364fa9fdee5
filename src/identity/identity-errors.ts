import { errorFactory } from '../foundation/errors.ts';

export const identityErrors = {
  // Files
  IDENTITY_FILE_UNKNOWN_FORMAT:
    'Use PEM, DER or PKCS#12. Decode PKCS#12 between BEGIN and END lines with `base64 -d`. Convert a PKCS#7 bundle to PEM with `openssl pkcs7 -print_certs`.',
  PEM_BLOCK_UNFINISHED: 'Write the file again: it is truncated, or two blocks are joined.',
  PEM_BLOCK_MALFORMED:
    'Write the block again as issued: BEGIN line, base64, END line. Check it with `openssl x509 -in FILE` or `openssl pkey -in FILE`.',
  PEM_LINE_BREAKS_ESCAPED:
    'Write the file with real line breaks: `jq -r .KEY FILE` extracts text from JSON, and `printf \'%b\' "$TEXT"` turns \\n into line breaks.',
  KEY_FILE_EXPOSED:
    'If the daemon runs as the owner of the file, run `chmod 600` on it. Otherwise run `chown root:GROUP` and `chmod 640` on it, with a group of the user of the daemon. If the file system supports neither, set identity.allowReadableKey (--allow-readable-key).',
  KEY_FILE_FOREIGN:
    'Run `chown` to give the file to the user of the daemon or to root, or set identity.allowReadableKey (--allow-readable-key). Its owner could replace the key.',

  // Certificates
  NO_CERTIFICATE: 'Name a file with at least one X.509 certificate.',
  TOO_MANY_CERTIFICATES: 'Name a file with the signing certificate and its chain only, not a whole trust store.',
  CERTIFICATE_MALFORMED:
    'Fetch the certificate again from its issuer; `openssl x509 -text -in FILE` and `openssl asn1parse -in FILE` show its content.',
  CERTIFICATE_BLOCKS_SKIPPED:
    'Remove the blocks. If they contain certificates that are needed, convert them to CERTIFICATE blocks.',
  CHAIN_TOO_LONG:
    'Make an intermediate the trust anchor and set identity.trustAnchorBundle to its certificate, or use a CA closer to the trust anchor. The service accepts five.',
  CHAIN_HAS_TOO_MANY_WAYS:
    'Set identity.trustAnchorBundle to the certificate of the trust anchor, so that only the path to it is sent, or remove certificates that are not on this path.',
  TRUST_ANCHOR_UNREACHABLE:
    'Add the missing CA certificate to identity.certificate or identity.intermediates, or correct identity.trustAnchorBundle: `aws rolesanywhere get-trust-anchor` prints the certificates of the anchor.',
  KEY_CERTIFICATE_MISMATCH:
    'Name the key that the certificate was issued for. During a renewal, the daemon reads the files again automatically; run a command again.',
  KEY_CREDENTIAL_OUTDATED:
    'Run `systemctl restart` on the unit named: systemd copies credentials only when it starts a service. docs/systemd.md has a unit that restarts it after each renewal.',
  CERTIFICATE_NOT_SELECTED:
    'Correct identity.pkcs11.certificate (--cert-selector): copy subject, issuer or serial of a certificate that is there.',
  CERTIFICATE_NOT_V3: 'Issue the certificate as X.509 version 3, that is, with extensions.',
  CERTIFICATE_IS_CA: 'Use an end-entity certificate: IAM Roles Anywhere refuses CA certificates.',
  CERTIFICATE_KEY_USAGE: 'Issue the certificate with the keyUsage digitalSignature.',
  CERTIFICATE_WEAK_SIGNATURE: 'Issue the certificate again, signed with SHA-256 or stronger.',
  CERTIFICATE_SERIAL_NEGATIVE:
    'Issue the certificate again with a positive serial number, as RFC 5280 requires: the signature contains it as an unsigned number.',
  CERTIFICATE_UNUSUAL:
    'Try a session with it. If IAM Roles Anywhere rejects it, issue the certificate again without the feature named.',
  CERTIFICATE_EMPTY_SUBJECT:
    'Issue the certificate with a subject, such as CN=device-0001: the service does not accept alternative names alone.',
  CERTIFICATE_NOT_YET_VALID: 'Set the clock of this machine, or wait until the certificate becomes valid.',
  CERTIFICATE_EXPIRED: 'Renew the certificate. If it has not expired, set the clock of this machine.',
  CERTIFICATE_EXPIRES_SOON: 'Renew the certificate, or check why its renewal failed.',
  CERTIFICATE_UNRELATED: 'Remove it, or add the certificates missing between it and the signing certificate.',
  CERTIFICATE_SUBJECT_CHANGED:
    'If the change is intended, update trust policies with conditions on aws:PrincipalTag/x509Subject or sts:SourceIdentity, and other uses of the IAM Roles Anywhere subject. Otherwise renew with the old subject.',
  INTERMEDIATE_WEAK_SIGNATURE:
    'Issue the CA certificate again with SHA-256 or stronger: IAM Roles Anywhere rejects MD5, SHA-1 and SHA-224 anywhere in the path.',
  INTERMEDIATE_NOT_VALID: 'Fetch the chain again from the issuer: the service rejects a path with such a certificate.',

  // Private keys
  NO_PRIVATE_KEY: 'Set identity.privateKey (--private-key) to the file of the key.',
  SEVERAL_PRIVATE_KEYS: 'Keep only one private key in the file.',
  PRIVATE_KEY_MALFORMED:
    'Restore the key from a backup or generate a new one. `openssl pkey -noout -in FILE` prints what is wrong.',
  PRIVATE_KEY_FORM_UNSUPPORTED:
    'Convert the key to PKCS#8: `ssh-keygen -p -m PKCS8` for OpenSSH keys. Put the key of a TPM into a file of its own.',
  PRIVATE_KEY_ENCRYPTION_UNSUPPORTED:
    'Encrypt the key again: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW` (with `-provider legacy -provider default` if needed).',
  KEY_DERIVATION_TOO_COSTLY:
    'Encrypt the key again with fewer iterations: deriving the key would block the daemon for too long.',
  PASSPHRASE_MISSING:
    'Set identity.passphrase (--passphrase-file, --passphrase-env) to the file, systemd credential or environment variable that contains the passphrase.',
  PASSPHRASE_WRONG: 'Correct the passphrase, or name the file that it belongs to.',
  PASSPHRASE_TOO_LONG: 'Use a passphrase of at most 1024 bytes, the limit of OpenSSL.',
  PASSPHRASE_VARIABLE_UNSET:
    'Set the environment variable for the daemon, or name another source in identity.passphrase.',
  CREDENTIALS_DIRECTORY_UNSET:
    'Start the daemon with systemd and LoadCredential= or LoadCredentialEncrypted=, or name another source in identity.passphrase.',
  PKCS12_UNREADABLE:
    'Export it again: `openssl pkcs12 -export -macalg SHA256 -inkey KEY -in CERTIFICATE -certfile CHAIN -out FILE`.',
  KEY_TYPE_UNSUPPORTED:
    'Use a certificate for an EC key on P-256, P-384 or P-521, or an RSA key of 2048 to 4096 bits. IAM Roles Anywhere also accepts ML-DSA, but no other kind.',
  KEY_CURVE_UNSUPPORTED: 'Use a certificate for a key on P-256, P-384 or P-521.',
  RSA_KEY_TOO_SMALL: 'Use a certificate for an RSA key of 2048 to 4096 bits, or an EC key on P-256.',
  RSA_KEY_TOO_LARGE: 'Use a certificate for an RSA key of 2048 to 4096 bits, or an EC key on P-256.',
  ML_DSA_NEEDS_NEWER_NODE: 'Run Node 24 or newer, whose OpenSSL signs with ML-DSA, or use an EC or RSA key.',

  KEY_SELF_TEST_FAILED: 'Restore the key and the certificate from a backup, or renew them: one of them is damaged.',

  // Certification requests
  SUBJECT_MALFORMED:
    "Write the subject as RFC 4514 text, such as --subject 'CN=device-0001,OU=Edge,O=Example', or as OpenSSL takes it: '/O=Example/CN=device-0001'. Put a backslash before a comma, plus sign or slash that belongs to a value.",
  PUBLIC_KEY_NEEDED:
    'Set --public-key to a file with the public key, or with a certificate of it: `ssh-add -L` and `pkcs11-tool --read-object --type pubkey` print public keys.',
  PUBLIC_KEY_UNREADABLE: 'Name a file with a public key in PEM or in the form of OpenSSH, or with a certificate.',
  SAN_MALFORMED:
    'Write --san once per name, as dns:device.example.com, ip:192.0.2.7, uri:spiffe://example.com/device or email:ops@example.com.',
} as const;

export const identityError = errorFactory(identityErrors);
