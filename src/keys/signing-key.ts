import type { KeyObject } from 'node:crypto';
import type { KeySource } from './key-source.ts';

/**
 * The service's name for the signature algorithm (roles-anywhere "sign process": one token per key
 * family).
 */
export type SigningAlgorithm = 'AWS4-X509-RSA-SHA256' | 'AWS4-X509-ECDSA-SHA256' | 'AWS4-X509-MLDSA';

/**
 * Where a private key is, and what is needed to sign with it. Data only, so that it can cross
 * between threads.
 */
export type KeyMaterial = FileKey | SvidKey | OutsideKey;

/** A key from a file, in this process's memory. */
export interface FileKey {
  readonly kind: 'file';
  readonly privateKey: KeyObject;
}

/** A key from a SPIFFE agent, in this process's memory only. The next certificate has another key. */
export interface SvidKey {
  readonly kind: 'spiffe';
  readonly privateKey: KeyObject;
  /** The SPIFFE ID. */
  readonly id: string;
}

/** A key that signs in its own place: in a token or another program. */
export type OutsideKey = KeySource & {
  /** PIN or password. A KeyObject can cross between threads and prints nothing. */
  readonly secret: KeyObject | undefined;
  /**
   * Public key of the certificate. Distinguishes the key from others of the same name, and verifies
   * every signature.
   */
  readonly publicKey: KeyObject;
};

/** The input of a signature. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: KeyMaterial;
}
