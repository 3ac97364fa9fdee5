import { createPrivateKey } from 'node:crypto';
import { derElements, readDer } from '../foundation/der.ts';
import type { CodedError } from '../foundation/errors.ts';
import { identityError } from './identity-errors.ts';

/** The content of id-ml-dsa-44, -65 and -87 (RFC 9881): 2.16.840.1.101.3.4.3.17 to 19. */
const NAMES: Readonly<Record<string, string>> = {
  '608648016503040311': 'ML-DSA-44',
  '608648016503040312': 'ML-DSA-65',
  '608648016503040313': 'ML-DSA-87',
};

/**
 * The parameter set of an ML-DSA key in PKCS#8, even if this Node cannot read it; undefined for any
 * other key.
 */
export function mlDsaName(pkcs8: Buffer): string | undefined {
  try {
    const [, algorithm] = derElements(readDer(pkcs8).content);
    const oid = algorithm && readDer(algorithm.content);
    return oid && NAMES[oid.content.toString('hex')];
  } catch {
    return undefined;
  }
}

/** A key of ML-DSA-44 in its shortest form (RFC 9881 section 6): 32 bytes. */
const SAMPLE = Buffer.from(`3034020100300b060960864801650304031104228020${'00'.repeat(32)}`, 'hex');

/** Whether this Node reads such keys. If so, one that it cannot read is damaged. */
export function readsMlDsa(): boolean {
  try {
    createPrivateKey({ key: SAMPLE, format: 'der', type: 'pkcs8' });
    return true;
  } catch {
    return false;
  }
}

/** Node 20 cannot read such keys. Node 22 reads them, but cannot sign. */
export function mlDsaError(name: string, path: string): CodedError {
  return identityError(
    'ML_DSA_NEEDS_NEWER_NODE',
    `${path} holds an ${name} key; Node ${process.versions.node} cannot sign with it`,
  );
}
