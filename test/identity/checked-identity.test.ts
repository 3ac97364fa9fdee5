import { expect, test } from 'vitest';
import type { IdentityConfig } from '../../src/config/config.ts';
import { checkIdentity } from '../../src/identity/checked-identity.ts';
import { type KeyErrorCode, keyErrors, KeyFailure } from '../../src/keys/key-errors.ts';
import type { KeySource } from '../../src/keys/key-source.ts';

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
