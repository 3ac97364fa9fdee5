import type { KeyObject } from 'node:crypto';

/** What the service calls the signature algorithm (roles-anywhere "sign process": one token per key family). */
export type SigningAlgorithm = 'AWS4-X509-RSA-SHA256' | 'AWS4-X509-ECDSA-SHA256' | 'AWS4-X509-MLDSA';

/**
 * A proven pair: the private key is the one the signing certificate names, and the certificate is one that
 * IAM Roles Anywhere can accept. Data only, so that it can cross between threads; a renewal on disk makes a new one.
 */
export interface SigningIdentity {
  /** The signing certificate (leaf), DER. */
  readonly certificate: Buffer;
  /** Intermediates in issuing order, without leaf and root, DER; at most five. */
  readonly chain: readonly Buffer[];
  readonly algorithm: SigningAlgorithm;
  /** The serial number as an unsigned decimal integer. */
  readonly serial: string;
  /** RFC 4514-like text such as `CN=device-0001,O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Lowercase hex SHA-256 of the certificate: tells one identity from the next. */
  readonly fingerprint: string;
  readonly privateKey: KeyObject;
}
