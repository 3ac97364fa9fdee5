import type { KeyObject } from 'node:crypto';

/** What the service calls the signature algorithm (roles-anywhere "sign process": one token per key family). */
export type SigningAlgorithm = 'AWS4-X509-RSA-SHA256' | 'AWS4-X509-ECDSA-SHA256' | 'AWS4-X509-MLDSA';

/** Where a private key is and what it takes to sign with it. Data only, so that it can cross between threads and processes. */
export type KeyMaterial = FileKey;

/** A key that was read from a file, and is in this process's memory. */
export interface FileKey {
  readonly kind: 'file';
  readonly privateKey: KeyObject;
}

/** What a signature is made with. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: KeyMaterial;
}
