import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newKey, sealedData, unsealedData } from '../../../src/keys/tpm/creation.ts';
import { publicKeyInFile, signByTpm } from '../../../src/keys/tpm/tpm-key.ts';
import { pem } from '../../support/pki.ts';
import { describeWith } from '../../support/tools.ts';
import { hasTpmTools, SoftwareTpm } from './software-tpm.ts';
import { type Exchanged, withTpm } from './with-tpm.ts';

const none = Buffer.alloc(0);
const message = Buffer.from('what is signed');

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'what a TPM makes', () => {
  let software: SoftwareTpm;

  beforeAll(async () => {
    software = await SoftwareTpm.start();
  });
  afterAll(() => software.stop());

  it.each([
    ['ec-p256', ''],
    ['rsa-2048', ''],
    ['ec-p256', 'a password of a key'],
  ] as const)('a key %s with the password "%s" signs here and with tpm2-openssl', async (type, password) => {
    const passwords = { key: Buffer.from(password), parent: none, owner: none };
    const exchanged: Exchanged[] = [];
    const file = await withTpm(software.device, (tpm) => newKey(tpm, type, passwords), exchanged);
    if (password !== '') expect(exchanged.some(({ command }) => command.includes(password))).toBe(false);
    const signature = await withTpm(software.device, (tpm) => signByTpm(tpm, { file }, passwords, message));
    const publicKey = publicKeyInFile(file);
    expect(verify('sha256', message, publicKey, signature)).toBe(true);
    expect(software.leftovers).toBe('');

    writeFileSync(software.file('key.tss'), pem(file, 'TSS2 PRIVATE KEY'));
    writeFileSync(software.file('message'), message);
    const secret = password === '' ? [] : ['-passin', `pass:${password}`];
    const providers = ['-provider', 'tpm2', '-provider', 'default', '-propquery', '?provider=tpm2'];
    software.tool(
      'openssl',
      'dgst',
      ...providers,
      '-sha256',
      '-sign',
      'key.tss',
      ...secret,
      '-out',
      'signature',
      'message',
    );
    expect(verify('sha256', message, publicKey, readFileSync(software.file('signature')))).toBe(true);
    software.tool(
      'openssl',
      'pkey',
      '-provider',
      'tpm2',
      '-provider',
      'base',
      ...secret,
      '-in',
      'key.tss',
      '-pubout',
      '-out',
      'key.pem',
    );
    expect(createPublicKey(readFileSync(software.file('key.pem'))).equals(publicKey)).toBe(true);
  });

  it('seals data that only this TPM can open, and never sends them in clear', async () => {
    const data = randomBytes(32);
    const exchanged: Exchanged[] = [];
    const file = await withTpm(software.device, (tpm) => sealedData(tpm, data, none), exchanged);
    const value = await withTpm(software.device, (tpm) => unsealedData(tpm, file, none), exchanged);
    expect(value.equals(data)).toBe(true);
    expect(exchanged.flatMap(({ command, answer }) => [command, answer]).some((bytes) => bytes.includes(data))).toBe(
      false,
    );
    expect(software.leftovers).toBe('');
    const another = await SoftwareTpm.start();
    try {
      const opened = withTpm(another.device, (tpm) => unsealedData(tpm, file, none));
      await expect(opened).rejects.toMatchObject({ code: 'TPM_KEY_OF_ANOTHER_TPM' });
    } finally {
      await another.stop();
    }
  });
});
