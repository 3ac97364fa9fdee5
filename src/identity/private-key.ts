import { createPrivateKey, type KeyObject, type PrivateKeyInput } from 'node:crypto';
import { isDer } from '../foundation/der.ts';
import { type CodedError, systemCodeOf } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import { identityError } from './identity-errors.ts';
import { checkDerivationCost } from './key-derivation.ts';
import { mlDsaError, mlDsaName, readsMlDsa } from './ml-dsa.ts';
import { passphraseHint } from './passphrase.ts';

/** A private key as stored in a file. */
export type EncodedKey =
  /** PrivateKeyInfo (RFC 5208), RSAPrivateKey (RFC 8017), ECPrivateKey (RFC 5915). */
  | { readonly form: 'pkcs8' | 'encrypted-pkcs8' | 'pkcs1' | 'sec1'; readonly der: Buffer }
  /** `Proc-Type: 4,ENCRYPTED`: only its PEM describes the encryption. */
  | { readonly form: 'encrypted-pem'; readonly pem: string }
  /** Encrypted by a TPM for itself. The TPM signs with it. */
  | { readonly form: 'tss2'; readonly der: Buffer }
  /** The label of an unsupported key: OpenSSH, DSA. */
  | { readonly form: 'foreign'; readonly label: string };

/** About a second of HMAC-SHA-256. OWASP recommends at most 1.4 million (HMAC-SHA-1). */
const MOST_ROUNDS = 2_000_000;

/**
 * Decodes, and if necessary decrypts, a private key.
 *
 * @throws PASSPHRASE_MISSING, PASSPHRASE_WRONG, PRIVATE_KEY_ENCRYPTION_UNSUPPORTED,
 * PRIVATE_KEY_FORM_UNSUPPORTED, PRIVATE_KEY_MALFORMED, KEY_DERIVATION_TOO_COSTLY,
 * ML_DSA_NEEDS_NEWER_NODE
 */
export function readPrivateKey(key: EncodedKey, passphrase: Secret | undefined, path: string): KeyObject {
  switch (key.form) {
    case 'foreign':
      throw identityError('PRIVATE_KEY_FORM_UNSUPPORTED', `${path} holds a ${key.label}`);
    case 'tss2':
      throw identityError('PRIVATE_KEY_FORM_UNSUPPORTED', `${path} holds a key of a TPM, which only signs`);
    case 'encrypted-pem':
      return decrypt({ key: key.pem }, passphrase, path);
    case 'encrypted-pkcs8':
      if (!isDer(key.der)) throw malformed(path);
      checkDerivationCost(key.der, MOST_ROUNDS, path);
      return decrypt({ key: key.der, format: 'der', type: 'pkcs8' }, passphrase, path);
    case 'pkcs8':
    case 'pkcs1':
    case 'sec1':
      return decode(key.form, key.der, path);
  }
}

/** Never with a passphrase: OpenSSL would decrypt a mislabelled key at any cost. */
function decode(type: 'pkcs8' | 'pkcs1' | 'sec1', der: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey({ key: der, format: 'der', type });
  } catch (error) {
    const name = mlDsaName(der);
    throw name && !readsMlDsa() ? mlDsaError(name, path) : malformed(path, error);
  }
}

function malformed(path: string, cause?: unknown): CodedError {
  return identityError('PRIVATE_KEY_MALFORMED', `the private key in ${path} cannot be decoded`, cause);
}

function decrypt(encoded: PrivateKeyInput, passphrase: Secret | undefined, path: string): KeyObject {
  if (!passphrase) throw identityError('PASSPHRASE_MISSING', `the private key in ${path} is encrypted`);
  try {
    return createPrivateKey({ ...encoded, passphrase: passphrase.reveal() });
  } catch (error) {
    throw decryptionError(error, encoded.format, `${path}${passphraseHint(passphrase)}`, path);
  }
}

const UNSUPPORTED = /^ERR_OSSL_(?:EVP|PEM_UNSUPPORTED)_/;

/**
 * OpenSSL detects a wrong passphrase by the padding, except for one in 256, which then does not
 * parse. An unsupported cipher or derivation is an error of EVP, an unknown cipher in PEM one of PEM.
 * An unsupported type of key is `ERR_OSSL_UNSUPPORTED`, but with PEM that can also be the one in 256.
 */
function decryptionError(
  error: unknown,
  format: PrivateKeyInput['format'],
  pathAndHint: string,
  path: string,
): CodedError {
  const code = systemCodeOf(error) ?? '';
  if (UNSUPPORTED.test(code) || (code === 'ERR_OSSL_UNSUPPORTED' && format === 'der')) {
    const what = `the private key in ${path} has an encryption or a type that Node ${process.versions.node} cannot read`;
    return identityError('PRIVATE_KEY_ENCRYPTION_UNSUPPORTED', what, error);
  }
  return identityError('PASSPHRASE_WRONG', `the passphrase does not open the private key in ${pathAndHint}`, error);
}
