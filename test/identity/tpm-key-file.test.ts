import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect, it } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { keyContent, tpmKey, tpmSecret } from '../../src/identity/tpm-key-content.ts';
import { publicKeyInFile } from '../../src/keys/tpm/tpm-key.ts';
import { recorded } from '../keys/tpm/recording.ts';
import { makeAuthority, pem } from '../support/pki.ts';
import { codeOf, load, writeFile } from './identity-directory.ts';

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

const textOf = (secret: KeyObject | undefined): string | undefined => secret?.export().toString();
const context = {
  config: { allowReadableKey: false },
  environment: { OWNER: 'owner' },
  passphrase: new Secret('geheim'),
  read: undefined,
};
const tss2 = { form: 'tss2', der: file } as const;

it('a key file is a key of the configured TPM', async () => {
  const key = await tpmKey({ path: 'key.pem', keys: [tss2] }, context);
  expect(key).toEqual({ kind: 'tpm', key: { file, path: 'key.pem' }, secret: key?.secret, publicKey: key?.publicKey });
  expect(key?.publicKey.equals(publicKey)).toBe(true);
  expect(textOf(key?.secret)).toBe('{"key":"geheim"}');
  const elsewhere = { ...context, config: { allowReadableKey: false, tpm: { device: '/run/tpm' } } };
  expect(await tpmKey({ path: 'key.pem', keys: [tss2] }, elsewhere)).toMatchObject({ device: '/run/tpm' });
});

it('no other file is a key of a TPM', async () => {
  expect(await tpmKey({ path: 'key.pem', keys: [] }, context)).toBeUndefined();
  expect(await tpmKey({ path: 'key.pem', keys: [tss2, tss2] }, context)).toBeUndefined();
  const other = { form: 'pkcs8', der: file } as const;
  expect(await tpmKey({ path: 'key.pem', keys: [other] }, context)).toBeUndefined();
});

it('the content of a key file becomes the place of its key, any other content stays', async () => {
  const content = { path: 'key.pem', certificates: [], keys: [tss2], found: [], skipped: [] };
  const converted = await keyContent(content, context);
  expect(converted).toMatchObject({ path: 'key.pem', source: { kind: 'tpm', key: { file, path: 'key.pem' } } });
  if (!('publicKeys' in converted)) throw new Error('not converted');
  expect(textOf(converted.secret)).toBe('{"key":"geheim"}');
  expect(converted.publicKeys?.map((one) => one.equals(publicKey))).toEqual([true]);
  expect(Object.keys(converted.source)).toEqual(['kind', 'key']);
  const others = [
    { ...content, keys: [] },
    { path: 'agent', source: { kind: 'ssh-agent' }, secret: undefined, publicKeys: undefined } as const,
  ];
  for (const other of others) expect(await keyContent(other, context)).toBe(other);
});

it('a TPM may need the passwords of the key, its parent and the owner', async () => {
  const parentPassword = { from: 'file', path: writeFile('parent\n', { mode: 0o666 }) } as const;
  const ownerPassword = { from: 'environment', variable: 'OWNER' } as const;
  const secretOf = async (tpm: object, passphrase?: Secret, allowReadableKey = true) =>
    textOf(await tpmSecret(passphrase, { ...context, config: { allowReadableKey, tpm } }));
  expect(await secretOf({})).toBeUndefined();
  expect(await secretOf({ ownerPassword })).toBe('{"owner":"owner"}');
  expect(await secretOf({ parentPassword, ownerPassword }, new Secret('geheim'))).toBe(
    '{"key":"geheim","parent":"parent","owner":"owner"}',
  );
  expect(await codeOf(secretOf({ parentPassword }, undefined, false))).toBe('FILE_WRITABLE_BY_OTHERS');
  expect(textOf(await tpmSecret(undefined, context))).toBeUndefined();
  const read = (path: string) =>
    Promise.resolve({ path, content: Buffer.from('read'), mode: 0o600, owner: 0, findings: [] });
  const given = { ...context, read, config: { allowReadableKey: false, tpm: { parentPassword } } };
  expect(textOf(await tpmSecret(undefined, given))).toBe('{"parent":"read"}');
});
