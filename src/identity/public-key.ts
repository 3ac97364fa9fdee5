/**
 * The properties of a public key, from its SubjectPublicKeyInfo (RFC 5280 4.1).
 *
 * Parsed by hand, because `asymmetricKeyDetails` ends the process if OpenSSL accepted a damaged key
 * that Node cannot inspect: one wrong byte in a P-256 key causes `Assertion failed: (ec) !=
 * nullptr` on Node 20 and 22.
 */
import type { KeyObject } from 'node:crypto';
import { type DerElement, derElements, oidText, readDer, tags } from '../foundation/der.ts';

/** The curve of an EC key, such as `1.2.840.10045.3.1.7`; undefined for explicit parameters. */
export function curveOid(publicKey: KeyObject): string | undefined {
  const [algorithm] = publicKeyInfo(publicKey);
  const [, curve] = algorithm ? derElements(algorithm.content) : [];
  return curve?.tag === tags.oid ? oidText(curve.content) : undefined;
}

/** The length of an RSA key's modulus. */
export function modulusBits(publicKey: KeyObject): number {
  const [, bitString] = publicKeyInfo(publicKey);
  const [modulus] = bitString ? derElements(readDer(bitString.content.subarray(1)).content) : [];
  return modulus ? BigInt(`0x${modulus.content.toString('hex')}`).toString(2).length : 0;
}

function publicKeyInfo(publicKey: KeyObject): DerElement[] {
  return [...derElements(readDer(publicKey.export({ format: 'der', type: 'spki' })).content)];
}
