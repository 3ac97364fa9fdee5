import { sign, verify, type KeyObject } from 'node:crypto';
import { identityError } from './identity-errors.ts';
import { mlDsaError, mlDsaName } from './ml-dsa.ts';
import type { SigningAlgorithm, SigningIdentity } from './signing-identity.ts';

/** How a private key signs for Roles Anywhere. */
export interface Signer extends Pick<SigningIdentity, 'algorithm' | 'sign'> {
  /** Whether `signature` over `data` is by the private key that belongs to `publicKey`. */
  readonly verify: (data: Buffer, signature: Buffer, publicKey: KeyObject) => boolean;
}

/** @throws KEY_TYPE_UNSUPPORTED, KEY_CURVE_UNSUPPORTED, RSA_KEY_TOO_SMALL, RSA_KEY_TOO_LARGE, ML_DSA_NEEDS_NEWER_NODE */
export function signerFor(key: KeyObject, path: string): Signer {
  // Node 24 has types that the type definitions of Node 20 do not know.
  const type: string | undefined = key.asymmetricKeyType;
  switch (type) {
    case 'rsa':
      checkRsaSize(key.asymmetricKeyDetails?.modulusLength, path);
      return signer('AWS4-X509-RSA-SHA256', 'sha256', key);
    case 'ec':
      checkCurve(key.asymmetricKeyDetails?.namedCurve, path);
      return signer('AWS4-X509-ECDSA-SHA256', 'sha256', key);
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return signer('AWS4-X509-MLDSA', null, key);
    case undefined:
    default:
      throw unsupported(key, type, path);
  }
}

/** Node's defaults are what the service wants: PKCS#1 v1.5 for RSA, DER for ECDSA. `null` is ML-DSA without a hash before it. */
function signer(algorithm: SigningAlgorithm, hash: 'sha256' | null, key: KeyObject): Signer {
  return {
    algorithm,
    sign: (data) => sign(hash, data, key),
    verify: (data, signature, publicKey) => verify(hash, data, publicKey, signature),
  };
}

function checkRsaSize(bits = 0, path: string): void {
  const what = `${path} holds an RSA key of ${bits} bits`;
  if (bits < 2048) throw identityError('RSA_KEY_TOO_SMALL', what);
  if (bits > 4096) throw identityError('RSA_KEY_TOO_LARGE', what);
}

/** P-256, P-384 and P-521 as OpenSSL calls them. */
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

function checkCurve(curve = 'of its own parameters', path: string): void {
  if (!CURVES.has(curve)) throw identityError('KEY_CURVE_UNSUPPORTED', `${path} holds a key on the curve ${curve}`);
}

function unsupported(key: KeyObject, type: string | undefined, path: string): Error {
  const name = type === undefined ? mlDsaName(key.export({ format: 'der', type: 'pkcs8' })) : undefined;
  if (name) return mlDsaError(name, path);
  return identityError('KEY_TYPE_UNSUPPORTED', `${path} holds a key of type ${type ?? 'unknown to this Node'}`);
}
