import { createPublicKey, createSecretKey, X509Certificate, type KeyObject } from 'node:crypto';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { keyProcesses } from '../../src/keys/ask-key-process.ts';
import { outsideKeys } from '../../src/keys/outside-keys.ts';
import type { SigningAlgorithm } from '../../src/keys/signing-key.ts';
import { makeAuthority, type Issued, type KeyKind } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { PIN, SoftTokens, hasTokens } from './soft-token.ts';

const program = path.resolve('dist/key-process.js');

describeWith('softhsm2 and opensc', hasTokens(), 'a token', () => {
  const tokens = new SoftTokens();
  const { module } = tokens;
  const keys = outsideKeys(keyProcesses({ environment: tokens.environment, log: () => undefined, program }));
  const { signal } = new AbortController();
  const pin = createSecretKey(Buffer.from(PIN));
  const source = (rest: string) => ({ kind: 'pkcs11', uri: `pkcs11:token=dev${rest}`, module }) as const;
  const issued = new Map<KeyKind, Issued>();

  beforeAll(async () => {
    tokens.addToken('dev');
    const root = await makeAuthority();
    const intermediate = await root.subordinate('Intermediate');
    let id = 1;
    for (const kind of ['RSA-2048', 'P-256', 'P-384', 'P-521'] as const) {
      const leaf = await intermediate.issue({ keys: kind });
      issued.set(kind, leaf);
      const names = { label: kind, id: `0${id++}` };
      tokens.addKey('dev', leaf, names);
      tokens.addCertificate('dev', leaf, names);
    }
    tokens.addCertificate('dev', intermediate, { label: 'intermediate', id: '10' });
  });

  function publicKeyOf(kind: KeyKind): KeyObject {
    return createPublicKey(issued.get(kind)?.certificatePem ?? '');
  }

  it.each(['RSA-2048', 'P-256', 'P-384', 'P-521'] as const)('signs with %s', async (kind) => {
    const algorithm: SigningAlgorithm = kind.startsWith('RSA') ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256';
    const key = { ...source(`;object=${kind}`), secret: pin, publicKey: publicKeyOf(kind) };
    // The signer verifies it by OpenSSL.
    await expect(keys.sign({ algorithm, key }, Buffer.from('text'), signal)).resolves.toBeInstanceOf(Buffer);
  });

  it('says which public keys there are', async () => {
    const [found] = (await keys.publicKeys(source(';object=P-384'), pin, signal)) ?? [];
    expect(Buffer.from(found ?? [])).toEqual(publicKeyOf('P-384').export({ format: 'der', type: 'spki' }));
    expect(await keys.publicKeys(source(''), pin, signal)).toHaveLength(4);
  });

  it('gives certificates without a PIN, and the intermediate that leads on', async () => {
    const { certificates, intermediates } = await keys.certificates(source(';object=P-256'), undefined, signal);
    expect(certificates.map((der) => Buffer.from(der))).toEqual([issued.get('P-256')?.certificateDer]);
    expect(intermediates.map((der) => new X509Certificate(der).subject)).toEqual([
      expect.stringContaining('Intermediate'),
    ]);
  });
});
