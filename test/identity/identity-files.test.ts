import { expect, it } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { identityFiles } from '../../src/identity/identity-files.ts';

const config: IdentityConfig = {
  certificate: { kind: 'pkcs11', uri: 'pkcs11:object=device', module: '/usr/lib/token.so' },
  privateKey: '/etc/x/device.key',
  intermediates: '/etc/x/chain.pem',
  trustAnchorBundle: '/etc/x/anchor.pem',
  passphrase: { from: 'credential', name: 'pass' },
  tpm: {
    parentPassword: { from: 'file', path: '/etc/x/parent' },
    ownerPassword: { from: 'environment', variable: 'O' },
  },
  allowReadableKey: false,
};

const texts = (identity: IdentityConfig, environment: Record<string, string> = {}): string[] =>
  identityFiles(identity, environment).map(({ path, file, use }) => `${path.slice(1).join('.')} ${file} ${use}`);

it('lists every file of an identity with its key', () => {
  expect(texts(config, { CREDENTIALS_DIRECTORY: '/run/credentials/x' })).toEqual([
    'privateKey /etc/x/device.key content',
    'intermediates /etc/x/chain.pem content',
    'trustAnchorBundle /etc/x/anchor.pem content',
    'passphrase /run/credentials/x/pass content',
    'tpm.parentPassword /etc/x/parent content',
    'certificate /usr/lib/token.so program',
  ]);
});

it('omits a systemd credential outside the service', () => {
  expect(texts(config)).not.toContainEqual(expect.stringContaining('passphrase'));
});

it('lists the signer and omits modules without a path', () => {
  const privateKey = { kind: 'command', argv: ['/usr/bin/sign', 'x'], environment: [], timeoutMs: 1_000 } as const;
  const certificate = { kind: 'pkcs11', uri: 'pkcs11:', module: 'p11-kit-proxy.so' } as const;
  expect(texts({ certificate, privateKey, allowReadableKey: false })).toEqual(['signer.command /usr/bin/sign program']);
});

it('lists a certificate, a module of the key, and both passwords of a TPM', () => {
  const privateKey = { kind: 'pkcs11', uri: 'pkcs11:', module: '/usr/lib/token.so' } as const;
  const tpm = { ownerPassword: { from: 'file', path: '/etc/x/owner' } } as const;
  expect(identityFiles({ certificate: '/etc/x/device.pem', privateKey, tpm, allowReadableKey: false }, {})).toEqual([
    { path: ['identity', 'certificate'], file: '/etc/x/device.pem', use: 'content' },
    { path: ['identity', 'tpm', 'ownerPassword'], file: '/etc/x/owner', use: 'content' },
    { path: ['identity', 'privateKey'], file: '/usr/lib/token.so', use: 'program' },
  ]);
});
