import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkKeyAccess, type KeyAccessRule } from '../../src/identity/key-access.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import { makeAuthority } from '../support/pki.ts';
import { codeOf, NOW, writeFile } from './identity-directory.ts';

const isWindows = process.platform === 'win32';

describe('access to a private key', () => {
  const rule: KeyAccessRule = { allowReadableKey: false, self: 1000, credentialsDirectory: undefined };
  const file = { path: '/etc/device/key.pem', mode: 0o600, owner: 1000 };

  it.each([0o600, 0o400, 0o700, 0o200])('mode %o is private', (mode) => {
    expect(() => {
      checkKeyAccess({ ...file, mode }, rule);
    }).not.toThrow();
  });

  it.each([0o640, 0o604, 0o644, 0o620, 0o602, 0o660, 0o440])('mode %o is rejected', (mode) => {
    expect(() => {
      checkKeyAccess({ ...file, mode }, rule);
    }).toThrow(`mode 0${mode.toString(8)}`);
  });

  it.each([0o640, 0o440, 0o600])("root's key may be readable for a group: mode %o", (mode) => {
    expect(() => {
      checkKeyAccess({ ...file, mode, owner: 0 }, rule);
    }).not.toThrow();
  });

  it.each([0o660, 0o644, 0o642])("root's key must not be writable or readable for others: mode %o", (mode) => {
    expect(() => {
      checkKeyAccess({ ...file, mode, owner: 0 }, rule);
    }).toThrow('accessible to other users');
  });

  it("root's key needs no group if the daemon is root", () => {
    expect(() => {
      checkKeyAccess({ ...file, mode: 0o640, owner: 0 }, { ...rule, self: 0 });
    }).toThrow('accessible to other users');
  });

  it('root rejects a key of another user', () => {
    expect(() => {
      checkKeyAccess(file, { ...rule, self: 0 });
    }).toThrow('belongs to user 1000');
  });

  it("accepts systemd's own directory of credentials like the service's", () => {
    const credential = { path: '/run/credentials/imds-anywhere.service/key', mode: 0o440, owner: 0 };
    expect(() => {
      checkKeyAccess(credential, { ...rule, self: 0 });
    }).not.toThrow();
  });

  it('accepts a key of root, but none of another user', () => {
    expect(() => {
      checkKeyAccess({ ...file, owner: 0 }, rule);
    }).not.toThrow();
    expect(() => {
      checkKeyAccess({ ...file, owner: 1001 }, rule);
    }).toThrow('belongs to user 1001');
  });

  it.each<[string, Partial<KeyAccessRule>]>([
    ['the operator allows it', { allowReadableKey: true }],
    ['it is Windows', { self: undefined }],
    ['systemd handed it over', { credentialsDirectory: '/etc/device' }],
  ])('accepts any mode if %s', (_, exception) => {
    const open = { ...file, mode: 0o644, owner: 1001 };
    expect(() => {
      checkKeyAccess(open, { ...rule, ...exception });
    }).not.toThrow();
  });

  it('has its own code for a key of another user', async () => {
    const checked = Promise.resolve().then(() => {
      checkKeyAccess({ ...file, owner: 1001 }, rule);
    });
    expect(await codeOf(checked)).toBe('KEY_FILE_FOREIGN');
  });

  it('does not take the working directory as directory of credentials', () => {
    const exposed = { ...file, path: join(process.cwd(), 'key.pem'), mode: 0o644 };
    expect(() => {
      checkKeyAccess(exposed, { ...rule, credentialsDirectory: '' });
    }).toThrow('mode 0644');
  });

  it('does not accept a directory next to that of the credentials', () => {
    const exposed = { ...file, mode: 0o644 };
    expect(() => {
      checkKeyAccess(exposed, { ...rule, credentialsDirectory: '/etc/dev' });
    }).toThrow('mode 0644');
  });

  it.skipIf(isWindows)('is checked only for the file with the key', async () => {
    const leaf = await (await makeAuthority()).issue();
    const certificate = writeFile(leaf.certificatePem, { mode: 0o644 });
    const context = { now: NOW, environment: {} };
    const config = { certificate, allowReadableKey: false };
    const exposed = { ...config, privateKey: writeFile(leaf.keyPem, { mode: 0o640 }) };
    await expect(loadIdentity({ ...config, privateKey: writeFile(leaf.keyPem) }, context)).resolves.toBeDefined();
    expect(await codeOf(loadIdentity(exposed, context))).toBe('KEY_FILE_EXPOSED');
    await expect(loadIdentity({ ...exposed, allowReadableKey: true }, context)).resolves.toBeDefined();
    const combined = writeFile(leaf.certificatePem + leaf.keyPem, { mode: 0o644 });
    expect(await codeOf(loadIdentity({ ...config, certificate: combined }, context))).toBe('KEY_FILE_EXPOSED');
  });
});
