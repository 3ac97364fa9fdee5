import type { KeyObject } from 'node:crypto';
import type { KeySource } from './key-source.ts';

/** What the service calls the signature algorithm (roles-anywhere "sign process": one token per key family). */
export type SigningAlgorithm = 'AWS4-X509-RSA-SHA256' | 'AWS4-X509-ECDSA-SHA256' | 'AWS4-X509-MLDSA';

/** Where a private key is and what it takes to sign with it. Data only, so that it can cross between threads. */
export type KeyMaterial = FileKey | OutsideKey;

/** A key that was read from a file, and is in this process's memory. */
export interface FileKey {
  readonly kind: 'file';
  readonly privateKey: KeyObject;
}

/** A key that signs where it is: in a token or another program. */
export type OutsideKey = KeySource & {
  /** PIN or password. A KeyObject crosses between threads and prints nothing. */
  readonly secret: KeyObject | undefined;
  /** Of the certificate. It tells the key from others of the same name, and every signature is verified with it. */
  readonly publicKey: KeyObject;
};

/** What a signature is made with. */
export interface SigningKey {
  readonly algorithm: SigningAlgorithm;
  readonly key: KeyMaterial;
}
