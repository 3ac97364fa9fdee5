import { verify } from 'node:crypto';
import type { Certificate } from '../../identity/certificate.ts';
import { x509 } from './x509.ts';

/** A certificate revocation list (RFC 5280 section 5). */
export interface RevocationList {
  readonly issuerText: string;
  /** Whether `issuer` signed this list. */
  readonly isIssuedBy: (issuer: Certificate) => boolean;
  readonly revokes: (certificate: Certificate) => boolean;
}

/**
 * Parses one DER revocation list.
 *
 * @throws errors of the parser, or if the kind of signature cannot be checked.
 */
export function readRevocationList(der: Buffer): RevocationList {
  const parsed = new x509.X509Crl(der);
  // RFC 5280 5.1.2.5 requires it. Without it, the parser finds no revoked certificate.
  if (!parsed.nextUpdate) throw new Error('the revocation list has no nextUpdate');
  const hash = hashName({ ...parsed.signatureAlgorithm });
  const signature = Buffer.from(parsed.signature);
  const revoked = new Set(parsed.entries.map(({ serialNumber }) => BigInt(`0x${serialNumber}`).toString(10)));
  return {
    issuerText: parsed.issuer,
    isIssuedBy: ({ publicKey }) => publicKey !== undefined && verify(hash, signedPart(der), publicKey, signature),
    revokes: ({ serial }) => revoked.has(serial),
  };
}

/** The revocation lists in a file: any number as PEM, or one as DER. */
export function revocationListsIn(bytes: Buffer): Buffer[] {
  if (bytes[0] === 0x30) return [bytes];
  return x509.PemConverter.decodeWithHeaders(bytes.toString('latin1'))
    .filter(({ type }) => type === 'X509 CRL' || type === 'CRL')
    .map(({ rawData }) => Buffer.from(rawData));
}

/** `SHA256` for Node. RSA-PSS and others are not supported. */
function hashName(algorithm: { readonly name?: unknown; readonly hash?: { readonly name?: unknown } }): string {
  const checkable = algorithm.name === 'RSASSA-PKCS1-v1_5' || algorithm.name === 'ECDSA';
  if (!checkable) throw new Error('its signature algorithm is not one of RSA PKCS#1 v1.5 and ECDSA');
  return String(algorithm.hash?.name).replace('-', '');
}

/**
 * `CertificateList ::= SEQUENCE { tbsCertList, ...`: the first element, with its own tag and
 * length.
 */
function signedPart(der: Buffer): Buffer {
  const start = headerLength(der);
  const element = der.subarray(start);
  return element.subarray(0, headerLength(element) + contentLength(element));
}

function headerLength(element: Buffer): number {
  const first = element.readUInt8(1);
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function contentLength(element: Buffer): number {
  const first = element.readUInt8(1);
  return first < 0x80 ? first : element.readUIntBE(2, first & 0x7f);
}
