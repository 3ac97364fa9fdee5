// The private keys that can sign for Roles Anywhere.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { type DerElement, derElements, oidText, readDer, tags } from '../foundation/der.ts';
import type { SigningAlgorithm } from '../keys/signing-key.ts';
import { identityError } from './identity-errors.ts';
import { mlDsaError, mlDsaName } from './ml-dsa.ts';

/**
 * For a private key, or for the public half of a key in another place.
 *
 * @throws KEY_TYPE_UNSUPPORTED, KEY_CURVE_UNSUPPORTED, RSA_KEY_TOO_SMALL, RSA_KEY_TOO_LARGE,
 * ML_DSA_NEEDS_NEWER_NODE
 */
export function signingAlgorithm(key: KeyObject, path: string): SigningAlgorithm {
  // Node 24 has types that are missing in the type definitions of Node 20.
  const type: string | undefined = key.asymmetricKeyType;
  switch (type) {
    case 'rsa':
      checkRsaSize(modulusBits(publicHalf(key)), path);
      return 'AWS4-X509-RSA-SHA256';
    case 'ec':
      checkCurve(curveOid(publicHalf(key)), path);
      return 'AWS4-X509-ECDSA-SHA256';
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return 'AWS4-X509-MLDSA';
    case undefined:
    default:
      throw unsupported(key, type, path);
  }
}

function publicHalf(key: KeyObject): KeyObject {
  return key.type === 'public' ? key : createPublicKey(key);
}

function checkRsaSize(bits: number, path: string): void {
  const what = `${path} holds an RSA key of ${bits} bits`;
  if (bits < 2048) throw identityError('RSA_KEY_TOO_SMALL', what);
  if (bits > 4096) throw identityError('RSA_KEY_TOO_LARGE', what);
}

/** P-256, P-384 and P-521 (RFC 5480 2.1.1.1). */
const CURVES: ReadonlySet<string | undefined> = new Set(['1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35']);

/** Common unsupported ones. Others are reported by OID. */
const OTHER_CURVES: Readonly<Record<string, string>> = { '1.3.132.0.10': 'secp256k1', '1.3.132.0.33': 'P-224' };

function checkCurve(oid: string | undefined, path: string): void {
  if (CURVES.has(oid)) return;
  const curve = oid === undefined ? 'given by explicit parameters' : (OTHER_CURVES[oid] ?? oid);
  throw identityError('KEY_CURVE_UNSUPPORTED', `${path} holds a key on the curve ${curve}`);
}

function unsupported(key: KeyObject, type: string | undefined, path: string): Error {
  const name = key.type === 'private' ? mlDsaName(key.export({ format: 'der', type: 'pkcs8' })) : undefined;
  if (name) return mlDsaError(name, path);
  return identityError('KEY_TYPE_UNSUPPORTED', `${path} holds a key of type ${type ?? 'unknown to this Node'}`);
}

// The properties of a public key, from its SubjectPublicKeyInfo (RFC 5280 4.1). Parsed by hand,
// because `asymmetricKeyDetails` ends the process if OpenSSL accepted a damaged key that Node cannot
// inspect: one wrong byte in a P-256 key causes `Assertion failed: (ec) != nullptr` on Node 20 and
// 22.

/** The curve of an EC key, such as `1.2.840.10045.3.1.7`; undefined for explicit parameters. */
function curveOid(publicKey: KeyObject): string | undefined {
  const [algorithm] = publicKeyInfo(publicKey);
  const [, curve] = algorithm ? derElements(algorithm.content) : [];
  return curve?.tag === tags.oid ? oidText(curve.content) : undefined;
}

/** The length of an RSA key's modulus. */
function modulusBits(publicKey: KeyObject): number {
  const [, bitString] = publicKeyInfo(publicKey);
  const [modulus] = bitString ? derElements(readDer(bitString.content.subarray(1)).content) : [];
  return modulus ? BigInt(`0x${modulus.content.toString('hex')}`).toString(2).length : 0;
}

function publicKeyInfo(publicKey: KeyObject): DerElement[] {
  return [...derElements(readDer(publicKey.export({ format: 'der', type: 'spki' })).content)];
}
