/** A new key of the same kind, for `rekey`. It is in memory until its certificate is written. */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { RenewConfig } from '../config/config.ts';
import { renewalError } from './renewal-errors.ts';
import type { RenewedPair } from './request.ts';

const generate = promisify(generateKeyPair);

/** @throws RENEWAL_KEY_STAYS for a key that is not in a file. */
export async function withFreshKey({ certificate, key: { key, algorithm } }: RenewedPair): Promise<RenewedPair> {
  if (key.kind !== 'file') throw renewalError('RENEWAL_KEY_STAYS', `the key is not in a file, but of kind ${key.kind}`);
  const privateKey = await generated(key.privateKey);
  return {
    certificate,
    key: { key: { kind: 'file', privateKey }, algorithm, publicKey: createPublicKey(privateKey) },
  };
}

/** The key of a request, if it is a new one. */
export function freshKey({ key: { key } }: RenewedPair, { rekey }: Pick<RenewConfig, 'rekey'>): KeyObject | undefined {
  return rekey && key.kind === 'file' ? key.privateKey : undefined;
}

async function generated({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): Promise<KeyObject> {
  const { modulusLength = 2048, namedCurve = 'P-256' } = asymmetricKeyDetails;
  if (asymmetricKeyType === 'rsa') return (await generate('rsa', { modulusLength })).privateKey;
  if (asymmetricKeyType === 'ec') return (await generate('ec', { namedCurve })).privateKey;
  // ML-DSA, which the type definitions of Node 20 lack.
  return (await generate(asymmetricKeyType as 'ed25519')).privateKey;
}
