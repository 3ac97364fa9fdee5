import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, test } from 'vitest';
import { signingAlgorithm } from '../../src/identity/signing-algorithm.ts';
import type { KeyMaterial } from '../../src/keys/signing-key.ts';
import { withFreshKey } from '../../src/renewal/fresh-key.ts';
import { type KeyKind, makeKeys } from '../support/pki.ts';

const certificate = Buffer.alloc(0);

async function freshOf(privateKey: KeyObject, publicKey: KeyObject): Promise<KeyObject> {
  const algorithm = signingAlgorithm(publicKey, 'the key');
  const { key } = await withFreshKey({ certificate, key: { key: { kind: 'file', privateKey }, algorithm, publicKey } });
  if (key.key.kind !== 'file') throw new Error('not in memory');
  expect(signingAlgorithm(key.key.privateKey, 'the new key')).toBe(algorithm);
  expect(key.publicKey.equals(publicKey)).toBe(false);
  return key.key.privateKey;
}

test.each<KeyKind>(['RSA-2048', 'RSA-3072', 'P-256', 'P-384', 'P-521'])('%s stays what it is', async (kind) => {
  const { privateKey, publicKey } = makeKeys(kind);
  const fresh = await freshOf(privateKey, publicKey);
  expect(fresh.asymmetricKeyDetails).toEqual(privateKey.asymmetricKeyDetails);
  // As in a file.
  expect(createPrivateKey(fresh.export({ format: 'pem', type: 'pkcs8' })).equals(fresh)).toBe(true);
});

test.runIf(Number(process.versions.node.split('.')[0]) >= 24)('ML-DSA-65 stays what it is', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-65' as 'ed25519');
  expect((await freshOf(privateKey, publicKey)).asymmetricKeyType).toBe('ml-dsa-65');
});

test('a key that is not in a file stays', async () => {
  const { publicKey } = makeKeys('P-256');
  const key: KeyMaterial = { kind: 'ssh-agent', secret: undefined, publicKey } as unknown as KeyMaterial;
  const pair = { certificate, key: { key, algorithm: 'AWS4-X509-ECDSA-SHA256' as const, publicKey } };
  await expect(withFreshKey(pair)).rejects.toMatchObject({ code: 'RENEWAL_KEY_STAYS' });
});
