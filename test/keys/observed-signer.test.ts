import { createSecretKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { KeyFailure } from '../../src/keys/key-errors.ts';
import { observedSigner, type Signature, SignatureRecord } from '../../src/keys/observed-signer.ts';
import type { Signer } from '../../src/keys/signer.ts';
import type { SigningKey } from '../../src/keys/signing-key.ts';

const key: SigningKey = {
  algorithm: 'AWS4-X509-ECDSA-SHA256',
  key: { kind: 'file', privateKey: createSecretKey(Buffer.alloc(1)) },
};
const gone = new KeyFailure('PKCS11_TOKEN_GONE', 'it is gone', { retry: 'soon' });

/** Each look at the clock is five milliseconds later. */
function observed(sign: Signer): { readonly sign: Signer; readonly reported: Signature[] } {
  let time = 0;
  const reported: Signature[] = [];
  return { sign: observedSigner(sign, (one) => reported.push(one), { monotonic: () => (time += 5) }), reported };
}

test('a signature is reported with its duration', async () => {
  const { sign, reported } = observed(() => Promise.resolve(Buffer.of(1)));
  await expect(sign(key, Buffer.alloc(0), new AbortController().signal)).resolves.toEqual(Buffer.of(1));
  expect(reported).toEqual([{ source: 'file', durationMs: 5, failure: undefined }]);
});

test('a failure is reported and passed on', async () => {
  const { sign, reported } = observed(() => Promise.reject(gone));
  await expect(sign(key, Buffer.alloc(0), new AbortController().signal)).rejects.toBe(gone);
  expect(reported).toEqual([{ source: 'file', durationMs: 5, failure: gone }]);
});

test('a signature that the daemon gave up when it stopped is no failure', async () => {
  const { sign, reported } = observed(() => Promise.reject(new Error('stopped')));
  await expect(sign(key, Buffer.alloc(0), AbortSignal.abort())).rejects.toThrow('stopped');
  expect(reported).toEqual([]);
});

test('the record has the last signature and the last failure', () => {
  let now = 1_000;
  const record = new SignatureRecord({ now: () => now });
  expect(record.last).toEqual({ made: undefined, failed: undefined });
  record.note({ source: 'pkcs11', durationMs: 90, failure: gone });
  now = 2_000;
  record.note({ source: 'pkcs11', durationMs: 80, failure: undefined });
  expect(record.last).toEqual({ made: { at: 2_000, durationMs: 80 }, failed: { at: 1_000, failure: gone } });
});
