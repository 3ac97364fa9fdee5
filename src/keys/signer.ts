import { type KeyObject, sign as signWith, verify } from 'node:crypto';
import { KeyFailure } from './key-errors.ts';
import type { AskKeyProcess } from './key-request.ts';
import { sourceText } from './key-source.ts';
import type { KeyMaterial, OutsideKey, SigningAlgorithm, SigningKey } from './signing-key.ts';

/**
 * Signs a message: RSA PKCS#1 v1.5 or ECDSA as DER, both with SHA-256 for every curve, or pure
 * ML-DSA. Takes the message instead of its digest, because an ssh-agent, ML-DSA and some tokens
 * compute the hash themselves.
 *
 * @throws KeyFailure, or the signal's reason.
 */
export type Signer = (key: SigningKey, message: Buffer, signal: AbortSignal) => Promise<Buffer>;

/** Signs with a key of any kind. */
export function signerWith(ask: AskKeyProcess): Signer {
  return async ({ algorithm, key }, message, signal) => {
    signal.throwIfAborted();
    if ('privateKey' in key) return signInProcess(key.privateKey, algorithm, message);
    const signature = await signOutside(key, { algorithm, message }, ask, signal);
    if (isSignatureBy(key.publicKey, algorithm, message, signature)) return signature;
    throw new KeyFailure('SIGNATURE_WRONG', `${sourceText(key)}: the signature is not by the key of the certificate`, {
      retry: 'slow',
    });
  };
}

interface Wanted {
  readonly algorithm: SigningAlgorithm;
  readonly message: Buffer;
}

async function signOutside(key: OutsideKey, wanted: Wanted, ask: AskKeyProcess, signal: AbortSignal): Promise<Buffer> {
  const { secret, publicKey, ...source } = key;
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const request = { operation: 'sign', source, secret: secretText(secret), ...wanted, publicKey: spki } as const;
  return Buffer.from(await ask(request, signal));
}

/** The secret of a key, only for the process that needs it. */
export function secretText(secret: KeyObject | undefined): string | undefined {
  return secret?.export().toString('utf8');
}

/** Signs with a key in this process's memory. @throws KeyFailure SIGNATURE_FAILED */
export function signInProcess(privateKey: KeyObject, algorithm: SigningAlgorithm, message: Buffer): Buffer {
  try {
    return signWith(hashOf(algorithm), message, privateKey);
  } catch (error) {
    throw new KeyFailure('SIGNATURE_FAILED', 'the private key cannot sign', { retry: 'slow', cause: error });
  }
}

/** Whether `signature` of `message` was made with the private key of `publicKey`. */
export function isSignatureBy(
  publicKey: KeyObject,
  algorithm: SigningAlgorithm,
  message: Buffer,
  signature: Buffer,
): boolean {
  return verify(hashOf(algorithm), message, publicKey, signature);
}

/** Node's defaults except for the hash; `null` without a separate hash. */
function hashOf(algorithm: SigningAlgorithm): 'sha256' | null {
  return algorithm === 'AWS4-X509-MLDSA' ? null : 'sha256';
}

/**
 * The key that seals stored sessions: the key's own encoding. Undefined for a key that cannot be
 * exported, or that a restart may replace.
 */
export function sealingKey(key: KeyMaterial): KeyObject | undefined {
  return key.kind === 'file' ? key.privateKey : undefined;
}
