import { sign as signWith, verify, type KeyObject } from 'node:crypto';
import { SignatureFailure } from './key-errors.ts';
import type { KeyMaterial, SigningAlgorithm, SigningKey } from './signing-key.ts';

/**
 * Signs a message: RSA PKCS#1 v1.5 or ECDSA as DER, both over SHA-256 whatever the curve, or pure ML-DSA. It takes the message
 * and not its digest, since an ssh-agent, ML-DSA and some tokens hash themselves.
 *
 * @throws SignatureFailure, or the signal's reason.
 */
export type Signer = (key: SigningKey, message: Buffer, signal: AbortSignal) => Promise<Buffer>;

/** Signs with a key of any kind. */
export const sign: Signer = async ({ algorithm, key }, message, signal) => {
  signal.throwIfAborted();
  return Promise.resolve(signedInProcess(key.privateKey, algorithm, message));
};

function signedInProcess(privateKey: KeyObject, algorithm: SigningAlgorithm, message: Buffer): Buffer {
  try {
    return signWith(hashOf(algorithm), message, privateKey);
  } catch (error) {
    throw new SignatureFailure('SIGNATURE_FAILED', 'the private key cannot sign', { retry: 'slow', cause: error });
  }
}

/** Whether `signature` over `message` is by the private key of `publicKey`. */
export function isSignatureBy(
  publicKey: KeyObject,
  algorithm: SigningAlgorithm,
  message: Buffer,
  signature: Buffer,
): boolean {
  return verify(hashOf(algorithm), message, publicKey, signature);
}

/** Node's defaults but for the hash; `null` where there is no hash before the signature. */
function hashOf(algorithm: SigningAlgorithm): 'sha256' | null {
  return algorithm === 'AWS4-X509-MLDSA' ? null : 'sha256';
}

/** What stored sessions can be sealed with: the key's own encoding. Undefined for a key that cannot be exported. */
export function sealingKey(key: KeyMaterial): KeyObject | undefined {
  return key.privateKey;
}
