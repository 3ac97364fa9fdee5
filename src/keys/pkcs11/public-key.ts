import { createPublicKey } from 'node:crypto';
import { der, ecdsaSignature, oidContent, readDer, tags } from '../../foundation/der.ts';
import { CKA } from './cryptoki.ts';

const CKK_RSA = 0;
const CKK_EC = 3;

/** SubjectPublicKeyInfo of a key in a token, from its attributes. */
export function publicKeyFrom(attribute: (type: number) => Buffer | undefined): Buffer | undefined {
  const info = attribute(CKA.PUBLIC_KEY_INFO);
  if (info) return info;
  const type = attribute(CKA.KEY_TYPE)?.readUInt32LE();
  if (type === CKK_RSA) return rsaKey(attribute(CKA.MODULUS), attribute(CKA.PUBLIC_EXPONENT));
  return type === CKK_EC ? ecKey(attribute(CKA.EC_PARAMS), attribute(CKA.EC_POINT)) : undefined;
}

function rsaKey(modulus: Buffer | undefined, exponent: Buffer | undefined): Buffer | undefined {
  if (!modulus || !exponent) return undefined;
  const key = { kty: 'RSA', n: modulus.toString('base64url'), e: exponent.toString('base64url') };
  return createPublicKey({ key, format: 'jwk' }).export({ format: 'der', type: 'spki' });
}

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

function ecKey(parameters: Buffer | undefined, point: Buffer | undefined): Buffer | undefined {
  if (!parameters || !point) return undefined;
  const algorithm = der(tags.sequence, der(tags.oid, oidContent(EC_PUBLIC_KEY)), parameters);
  return der(tags.sequence, algorithm, der(tags.bitString, Buffer.of(0), barePoint(point)));
}

/**
 * A DER OCTET STRING (PKCS#11 2.40, 2.3.3), which some modules omit. A bare point starts with the
 * same byte.
 */
function barePoint(point: Buffer): Buffer {
  try {
    const { tag, content, size } = readDer(point);
    return tag === tags.octetString && size === point.length ? content : point;
  } catch {
    return point;
  }
}

/** Cryptoki returns r and s concatenated. */
export function asDerSignature(raw: Buffer): Buffer {
  const half = raw.length / 2;
  return ecdsaSignature(raw.subarray(0, half), raw.subarray(half));
}
