import { isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { serialHex } from './serial-number.ts';

/**
 * A proven pair: the private key matches the signing certificate, and IAM Roles Anywhere can accept
 * the certificate. Data only, so that it can cross between threads. A renewal on disk creates a new
 * one.
 */
export interface SigningIdentity extends SigningKey {
  /** The signing certificate (leaf), DER. */
  readonly certificate: Buffer;
  /** Intermediates in issuing order, without leaf and root, DER; at most five. */
  readonly chain: readonly Buffer[];
  /** The serial number as an unsigned decimal integer. */
  readonly serial: string;
  /** RFC 4514-like text such as `CN=device-0001,O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Lowercase hex SHA-256 of the certificate, which identifies it. */
  readonly fingerprint: string;
}

export interface LoadedIdentity {
  readonly identity: SigningIdentity;
  /** Problems that are accepted now but will not be forever; the most urgent first. */
  readonly warnings: readonly CodedError[];
}

/** For log lines. */
export function identityFields(identity: SigningIdentity): Record<string, unknown> {
  return {
    subject: identity.subject,
    issuer: identity.issuer,
    serial: serialHex(identity.serial),
    algorithm: identity.algorithm,
    intermediates: identity.chain.length,
    notAfter: isoSeconds(identity.notAfter),
    ...(identity.key.kind === 'spiffe' && { spiffeId: identity.key.id }),
  };
}
