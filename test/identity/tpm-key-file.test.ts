import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { publicKeyInFile } from '../../src/keys/tpm/tpm-key.ts';
import { recorded } from '../keys/tpm/recording.ts';
import { makeAuthority, pem } from '../support/pki.ts';
import { codeOf, load } from './identity-directory.ts';

// Key files of a TPM are read without the TPM: their public half is in them.

function keyFile(): Buffer {
  const vector = recorded().find(({ title }) => title === 'made by tpm2-openssl signs: P-256, 1');
  if (!vector || !('file' in vector.location)) throw new Error('no vector');
  return Buffer.from(vector.location.file, 'hex');
}

const file = keyFile();
const text = pem(file, 'TSS2 PRIVATE KEY');
const publicKey = publicKeyInFile(file);
// Its private half is in the TPM; the one of the pair stands in for it.
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

it('a key file matches its certificate', async () => {
  const leaf = await (await makeAuthority()).issue({ keys: { publicKey, privateKey } });
  for (const files of [
    { certificate: leaf.certificatePem, privateKey: text },
    { certificate: leaf.certificatePem + text },
    { certificate: leaf.certificatePem.replaceAll('\n', '\r\n'), privateKey: text.replaceAll('\n', '\r\n') },
  ]) {
    const { identity } = await load(files);
    expect(identity).toMatchObject({ algorithm: 'AWS4-X509-ECDSA-SHA256', key: { kind: 'tpm', secret: undefined } });
  }
});

it('a key file of another certificate is rejected', async () => {
  const leaf = await (await makeAuthority()).issue();
  expect(await codeOf(load({ certificate: leaf.certificatePem, privateKey: text }))).toBe('KEY_CERTIFICATE_MISMATCH');
});

it('two keys in one file are rejected', async () => {
  const leaf = await (await makeAuthority()).issue({ keys: { publicKey, privateKey } });
  const both = load({ certificate: leaf.certificatePem, privateKey: text + text });
  expect(await codeOf(both)).toBe('SEVERAL_PRIVATE_KEYS');
});
