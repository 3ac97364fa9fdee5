import { expect, test } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import type { FileContent } from '../../src/files/read-file.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { checkIdentity } from '../../src/identity/checked-identity.ts';
import { type KeyErrorCode, keyErrors, KeyFailure } from '../../src/keys/key-errors.ts';
import type { KeySource } from '../../src/keys/key-source.ts';
import { someIdentity } from '../sessions/support.ts';

const AGENT: KeySource = { kind: 'ssh-agent' };
const COMMAND: KeySource = { kind: 'command', argv: ['/bin/sign'], environment: [], timeoutMs: 1_000 };

async function placeOf(code: string, privateKey: KeySource): Promise<string> {
  const token = { kind: 'pkcs11', uri: 'pkcs11:', module: 'p11-kit-proxy.so' } as const;
  const config: IdentityConfig = { certificate: token, privateKey, allowReadableKey: false };
  const failure = new KeyFailure(code as KeyErrorCode, 'no signature', { retry: 'slow' });
  const { findings } = await checkIdentity(config, { now: 0, environment: {} }, () => Promise.reject(failure));
  return findings.map(({ path }) => path.join('.')).join();
}

const CODES = Object.keys(keyErrors).filter((code) => code !== 'PKCS11_CERTIFICATE_NOT_FOUND');

test.each([...CODES, 'CODE_OF_A_FURTHER_SOURCE'])('%s is reported at the key', async (code) => {
  expect(await placeOf(code, AGENT)).toBe('identity.privateKey');
  expect(await placeOf(code, COMMAND)).toBe('identity.signer');
});

test('a certificate that is missing on its token is reported at the certificate', async () => {
  expect(await placeOf('PKCS11_CERTIFICATE_NOT_FOUND', AGENT)).toBe('identity.certificate');
});

const FILES: IdentityConfig = { certificate: '/x/cert.pem', privateKey: '/x/key.pem', allowReadableKey: false };
const PASSPHRASE = { passphrase: { from: 'environment', variable: 'SECRET' } } as const;
const TOKEN = { kind: 'pkcs11', uri: 'pkcs11:token=a', module: 'p11-kit-proxy.so' } as const;
const there = (path: string): Promise<FileContent> => {
  const content = Buffer.from('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n');
  return Promise.resolve({ path, content, mode: 0o600, owner: 0, findings: [] });
};

test.each<[code: string, place: string, config: IdentityConfig]>([
  ['TRUST_ANCHOR_UNREACHABLE', 'trustAnchorBundle', FILES],
  ['PASSPHRASE_WRONG', 'passphrase', FILES],
  ['PKCS11_PIN_WRONG', 'passphrase', { ...FILES, privateKey: TOKEN, ...PASSPHRASE }],
  ['TPM_PASSWORD_WRONG', 'passphrase', { ...FILES, ...PASSPHRASE }],
  ['PKCS11_PIN_WRONG', 'certificate', { ...FILES, privateKey: TOKEN, certificate: { ...TOKEN } }],
  ['PKCS11_TOKEN_MISSING', 'certificate', { ...FILES, privateKey: TOKEN, certificate: { ...TOKEN }, ...PASSPHRASE }],
  ['KEY_TYPE_UNSUPPORTED', 'privateKey', { ...FILES, privateKey: TOKEN, certificate: { ...TOKEN } }],
  ['KEY_CERTIFICATE_MISMATCH', 'privateKey', FILES],
  ['NO_PRIVATE_KEY', 'privateKey', FILES],
  ['NO_PRIVATE_KEY', 'certificate', { certificate: '/x/both.pem', allowReadableKey: false }],
  ['CERTIFICATE_NOT_SELECTED', 'pkcs11.certificate', { ...FILES, certificate: TOKEN }],
  ['INTERMEDIATE_NOT_VALID', 'intermediates', FILES],
  ['CERTIFICATE_EXPIRED', 'certificate', FILES],
  ['FILES_SLOW', 'certificate', FILES],
])('%s is reported at %s', async (code, place, config) => {
  const error = new CodedError(code, 'what', 'remedy');
  const context = { now: 0, environment: { SECRET: 'x' }, read: there };
  const finding = (severity: string) => [{ severity, path: ['identity', ...place.split('.')], error }];
  expect(await checkIdentity(config, context, () => Promise.reject(error))).toEqual({
    identity: undefined,
    findings: finding('error'),
  });
  const loaded = { identity: someIdentity, warnings: [error] };
  expect(await checkIdentity(config, context, () => Promise.resolve(loaded))).toEqual({
    identity: someIdentity,
    findings: finding('warning'),
  });
});

test('every file that cannot be read is reported at its key, and then nothing is proven', async () => {
  const read = (path: string): Promise<FileContent> =>
    /cert|anchor/.test(path) ? there(path) : Promise.reject(new CodedError('FILE_MISSING', path, 'write it'));
  const config: IdentityConfig = {
    ...FILES,
    intermediates: '/x/chain.pem',
    trustAnchorBundle: '/x/anchor.pem',
    passphrase: { from: 'file', path: '/x/pass' },
  };
  const { identity, findings } = await checkIdentity(config, { now: 0, environment: {}, read }, () => {
    throw new Error('there is nothing to prove');
  });
  expect([identity, findings.map(({ severity, path, error }) => [severity, path.join('.'), error.message])]).toEqual([
    undefined,
    [
      ['error', 'identity.privateKey', '/x/key.pem'],
      ['error', 'identity.intermediates', '/x/chain.pem'],
      ['error', 'identity.passphrase', '/x/pass'],
    ],
  ]);
});

test('a file of a wrong form is reported at its own key', async () => {
  const config: IdentityConfig = { ...FILES, intermediates: '/x/chain.pem', trustAnchorBundle: '/x/anchor.pem' };
  const contents: Readonly<Record<string, string>> = {
    '/x/key.pem': '-----BEGIN PRIVATE KEY-----',
    '/x/chain.pem': '-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----',
    '/x/anchor.pem': '{}',
  };
  const read = async (path: string): Promise<FileContent> => {
    const file = await there(path);
    return { ...file, content: Buffer.from(contents[path] ?? file.content) };
  };
  const { findings } = await checkIdentity(config, { now: 0, environment: {}, read });
  expect(findings.map(({ path, error }) => [path.join('.'), error.code])).toEqual([
    ['identity.privateKey', 'PEM_BLOCK_UNFINISHED'],
    ['identity.intermediates', 'IDENTITY_FILE_UNKNOWN_FORMAT'],
    ['identity.trustAnchorBundle', 'IDENTITY_FILE_UNKNOWN_FORMAT'],
  ]);
});
