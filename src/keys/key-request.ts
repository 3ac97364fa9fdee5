// Requests and answers of a key process: plain data, which cross between processes.
import type { KeySource, Pkcs11Source, TpmSource } from './key-source.ts';
import type { SigningAlgorithm } from './signing-key.ts';

export type KeyRequest = CertificatesRequest | KeysRequest | SignRequest;

/** Additional operations of a TPM. */
export type SealingRequest = SealRequest | UnsealRequest;

/** Which certificates are there? */
export interface CertificatesRequest {
  readonly operation: 'certificates';
  readonly source: Pkcs11Source;
  readonly secret: string | undefined;
}

/** Which private keys are there? */
export interface KeysRequest {
  readonly operation: 'keys';
  readonly source: KeySource;
  readonly secret: string | undefined;
}

export interface SignRequest {
  readonly operation: 'sign';
  readonly source: KeySource;
  readonly secret: string | undefined;
  readonly algorithm: SigningAlgorithm;
  readonly message: Uint8Array;
  /** SubjectPublicKeyInfo: identifies the key. */
  readonly publicKey: Uint8Array;
}

/** Encrypts data so that only this TPM can decrypt them. */
export interface SealRequest {
  readonly operation: 'seal';
  /** Its path is that of the file to write, for messages. */
  readonly source: TpmSource;
  readonly secret: string | undefined;
  readonly data: Uint8Array;
}

/** Returns the data in a file. */
export interface UnsealRequest {
  readonly operation: 'unseal';
  readonly source: TpmSource;
  readonly secret: string | undefined;
}

/** Everything is DER. */
export interface FoundCertificates {
  readonly certificates: readonly Uint8Array[];
  /** Certificates of the same place that lead on to a root. */
  readonly intermediates: readonly Uint8Array[];
}

/** By operation. */
export interface KeyResults {
  readonly certificates: FoundCertificates;
  /** SubjectPublicKeyInfo of each; undefined: the source does not reveal it. */
  readonly keys: readonly Uint8Array[] | undefined;
  /** RSA PKCS#1 v1.5, or ECDSA as DER. */
  readonly sign: Uint8Array;
  /** A key file that contains data. */
  readonly seal: Uint8Array;
  readonly unseal: Uint8Array;
}

export type KeyAnswer =
  | { readonly ok: true; readonly result: KeyResults[keyof KeyResults] }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly retry: 'soon' | 'slow' };

/** @throws KeyFailure, or the signal's reason. */
export type AskKeyProcess = <Request extends KeyRequest | SealingRequest>(
  request: Request,
  signal: AbortSignal,
) => Promise<KeyResults[Request['operation']]>;
