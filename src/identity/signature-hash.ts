import { derElements, oidText, readDer, tags } from '../foundation/der.ts';

/** RFC 8017 A.2.4, RFC 5758 3, RFC 3279 2.2, NIST's registry, and the old ones of OIW. */
const HASHES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2',
  '1.2.840.113549.1.1.3': 'MD4',
  '1.2.840.113549.1.1.4': 'MD5',
  '1.2.840.113549.1.1.5': 'SHA-1',
  '1.2.840.113549.1.1.11': 'SHA-256',
  '1.2.840.113549.1.1.12': 'SHA-384',
  '1.2.840.113549.1.1.13': 'SHA-512',
  '1.2.840.113549.1.1.14': 'SHA-224',
  '1.3.14.3.2.3': 'MD5',
  '1.3.14.3.2.27': 'SHA-1',
  '1.3.14.3.2.29': 'SHA-1',
  '1.2.840.10040.4.3': 'SHA-1',
  '2.16.840.1.101.3.4.3.1': 'SHA-224',
  '2.16.840.1.101.3.4.3.2': 'SHA-256',
  '1.2.840.10045.4.1': 'SHA-1',
  '1.2.840.10045.4.3.1': 'SHA-224',
  '1.2.840.10045.4.3.2': 'SHA-256',
  '1.2.840.10045.4.3.3': 'SHA-384',
  '1.2.840.10045.4.3.4': 'SHA-512',
  '2.16.840.1.101.3.4.3.9': 'SHA3-224',
  '2.16.840.1.101.3.4.3.10': 'SHA3-256',
  '2.16.840.1.101.3.4.3.11': 'SHA3-384',
  '2.16.840.1.101.3.4.3.12': 'SHA3-512',
  '2.16.840.1.101.3.4.3.13': 'SHA3-224',
  '2.16.840.1.101.3.4.3.14': 'SHA3-256',
  '2.16.840.1.101.3.4.3.15': 'SHA3-384',
  '2.16.840.1.101.3.4.3.16': 'SHA3-512',
};

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
  '2.16.840.1.101.3.4.2.4': 'SHA-224',
};

/**
 * @param algorithm - content of an AlgorithmIdentifier.
 * @returns undefined if it has no separate hash (ML-DSA, Ed25519).
 */
export function signatureHashOf(algorithm: Buffer): string | undefined {
  const [id, parameters] = derElements(algorithm);
  const oid = id?.tag === tags.oid ? oidText(id.content) : '';
  return oid === RSASSA_PSS ? pssHash(parameters?.content ?? Buffer.alloc(0)) : HASHES[oid];
}

/** `RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] HashAlgorithm DEFAULT sha1, ...` (RFC 8017 A.2.3) */
function pssHash(parameters: Buffer): string | undefined {
  const [first] = derElements(parameters);
  if (first?.tag !== 0xa0) return 'SHA-1';
  const [id] = derElements(readDer(first.content).content);
  return id && DIGESTS[oidText(id.content)];
}
