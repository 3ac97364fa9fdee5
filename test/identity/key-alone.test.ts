import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadKeyAlone } from '../../src/identity/key-alone.ts';
import type { KeyMaterial } from '../../src/keys/signing-key.ts';
import { recorded } from '../keys/tpm/recording.ts';
import { type Issued, makeAuthority, pem } from '../support/pki.ts';
import { codeOf, writeFile } from './identity-directory.ts';

let device: Issued;
let other: Issued;
beforeAll(async () => {
  const root = await makeAuthority();
  [device, other] = [await root.issue(), await root.issue()];
});

const passphrase = { from: 'environment', variable: 'P' } as const;
const isKey = (key: KeyMaterial, expected: KeyObject): boolean =>
  key.kind === 'file' && key.privateKey.equals(expected);

describe('a key without its certificate', () => {
  it('is the first one of its file', async () => {
    const path = writeFile(device.keyPem + other.keyPem);
    expect(isKey(await loadKeyAlone(path, { allowReadableKey: false }, {}), device.privateKey)).toBe(true);
  });

  it('is decrypted with its passphrase', async () => {
    const encryption = { format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'geheim' } as const;
    const path = writeFile(device.privateKey.export(encryption));
    const config = { allowReadableKey: false, passphrase };
    expect(isKey(await loadKeyAlone(path, config, { P: 'geheim' }), device.privateKey)).toBe(true);
    expect(await codeOf(loadKeyAlone(path, config, { P: 'falsch' }))).toBe('PASSPHRASE_WRONG');
    expect(await codeOf(loadKeyAlone(path, { allowReadableKey: false }, {}))).toBe('PASSPHRASE_MISSING');
  });

  it('is in PKCS#12 too', async () => {
    const path = writeFile(readPkcs12());
    const key = await loadKeyAlone(path, { allowReadableKey: false, passphrase }, { P: 'geheim' });
    expect(key.kind).toBe('file');
  });

  it('may be the key of a TPM', async () => {
    const vector = recorded().find(({ location }) => 'file' in location);
    if (!vector || !('file' in vector.location)) throw new Error('no vector');
    const file = Buffer.from(vector.location.file, 'hex');
    const path = writeFile(pem(file, 'TSS2 PRIVATE KEY'));
    const config = { allowReadableKey: false, passphrase, tpm: { device: '/dev/tpm7' } };
    const key = await loadKeyAlone(path, config, { P: 'geheim' });
    expect(key).toMatchObject({ kind: 'tpm', key: { file, path }, device: '/dev/tpm7' });
    expect('secret' in key && key.secret?.export().toString()).toBe('{"key":"geheim"}');
  });

  it('must be there', async () => {
    const path = writeFile(device.certificatePem);
    await expect(loadKeyAlone(path, { allowReadableKey: false }, {})).rejects.toMatchObject({
      code: 'NO_PRIVATE_KEY',
      message: `${path} holds no private key`,
    });
  });

  it('must not be accessible to others, unless the operator allows it or systemd gives it', async () => {
    const path = writeFile(device.keyPem, { mode: 0o644 });
    expect(await codeOf(loadKeyAlone(path, { allowReadableKey: false }, {}))).toBe('KEY_FILE_EXPOSED');
    expect(isKey(await loadKeyAlone(path, { allowReadableKey: true }, {}), device.privateKey)).toBe(true);
    const environment = { CREDENTIALS_DIRECTORY: dirname(path) };
    expect(isKey(await loadKeyAlone(path, { allowReadableKey: false }, environment), device.privateKey)).toBe(true);
  });

  it('and its passphrase are read as the caller reads files', async () => {
    const asked: string[] = [];
    const read = (path: string) => {
      asked.push(path);
      const content = Buffer.from(path === 'key' ? device.keyPem : 'geheim');
      return Promise.resolve({ path, content, mode: 0o600, owner: 0, findings: [] });
    };
    const config = { allowReadableKey: false, passphrase: { from: 'file', path: 'passphrase' } } as const;
    expect(isKey(await loadKeyAlone('key', config, {}, read), device.privateKey)).toBe(true);
    expect(asked).toEqual(['key', 'passphrase']);
  });

  function readPkcs12(): Buffer {
    return readFileSync(new URL('device.p12', import.meta.url));
  }
});
