import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { pairFiles, readNextKey } from '../../src/identity/next-key.ts';
import { codeOf, writeFile } from './identity-directory.ts';

const renew = { command: ['/renew'], at: 0.5, timeout: 1, environment: [], rekey: true } as const;
const pair: IdentityConfig = { certificate: '/d/cert', privateKey: '/d/key', allowReadableKey: true, renew };
const { renew: _renew, ...withoutRenewal } = pair;
const { privateKey: _key, ...withoutKey } = pair;

it('the next key is beside the key that a renewal replaces', () => {
  expect(pairFiles(pair)).toEqual({
    certificate: '/d/cert',
    privateKey: '/d/key',
    nextKey: '/d/key.next',
    allowReadableKey: true,
  });
});

it.each<[string, IdentityConfig]>([
  ['without a renewal', withoutRenewal],
  ['if the key stays', { ...pair, renew: { ...renew, rekey: false } }],
  ['in one file with the certificate', { ...pair, privateKey: '/d/cert' }],
  ['in the file of the certificate, which is the only one named', withoutKey],
  ['with a key in another place', { ...pair, privateKey: { kind: 'ssh-agent' } }],
  ['with a certificate in another place', { ...pair, certificate: { kind: 'pkcs11', uri: 'pkcs11:', module: 'm' } }],
])('there is no next key %s', (_, config) => {
  expect(pairFiles(config)).toBeUndefined();
});

it('the next key is read if it is there', async () => {
  const nextKey = writeFile('key', { name: 'key.next' });
  const files = { certificate: '/d/cert', privateKey: '/d/key', nextKey, allowReadableKey: false };
  expect((await readNextKey(files))?.content.toString()).toBe('key');
  expect(await readNextKey({ ...files, nextKey: `${nextKey}.other` })).toBeUndefined();
  expect(await codeOf(readNextKey({ ...files, nextKey: dirname(nextKey) }))).not.toBe('FILE_MISSING');
  const reading = readNextKey(files, () => Promise.reject(new Error('of another kind')));
  await expect(reading).rejects.toThrow('of another kind');
});
