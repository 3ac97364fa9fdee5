import { createPublicKey, createSecretKey, type KeyObject, X509Certificate } from 'node:crypto';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyProcesses } from '../../src/keys/ask-key-process.ts';
import type { KeyFailure } from '../../src/keys/key-errors.ts';
import { outsideKeys } from '../../src/keys/outside-keys.ts';
import type { SigningAlgorithm } from '../../src/keys/signing-key.ts';
import { type Issued, type KeyKind, makeAuthority } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { hasTokens, PIN, SoftTokens } from './soft-token.ts';

const program = path.resolve('dist/key-process.js');

const KINDS = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'P-384', 'P-521'] as const;

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
    for (const kind of KINDS) {
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

  it.each(KINDS)('signs with %s', async (kind) => {
    const algorithm: SigningAlgorithm = kind.startsWith('RSA') ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256';
    const key = { ...source(`;object=${kind}`), secret: pin, publicKey: publicKeyOf(kind) };
    // The signer verifies it by OpenSSL.
    await expect(keys.sign({ algorithm, key }, Buffer.from('text'), signal)).resolves.toBeInstanceOf(Buffer);
  });

  it('lists the public keys', async () => {
    const [found] = (await keys.publicKeys(source(';object=P-384'), pin, signal)) ?? [];
    expect(Buffer.from(found ?? [])).toEqual(publicKeyOf('P-384').export({ format: 'der', type: 'spki' }));
    expect(await keys.publicKeys(source(''), pin, signal)).toHaveLength(KINDS.length);
  });

  it('returns certificates without a PIN, including the intermediate', async () => {
    const { certificates, intermediates } = await keys.certificates(source(';object=P-256'), undefined, signal);
    expect(certificates.map((der) => Buffer.from(der))).toEqual([issued.get('P-256')?.certificateDer]);
    expect(intermediates.map((der) => new X509Certificate(der).subject)).toEqual([
      expect.stringContaining('Intermediate'),
    ]);
  });

  const ecdsa = 'AWS4-X509-ECDSA-SHA256';

  function signs(uri: string, issued_: Issued, algorithm: SigningAlgorithm = ecdsa): Promise<Buffer> {
    const publicKey = createPublicKey(issued_.certificatePem);
    const place = { kind: 'pkcs11', uri, module } as const;
    return keys.sign({ algorithm, key: { ...place, secret: pin, publicKey } }, Buffer.from('text'), signal);
  }

  const spki = (of: Issued): Buffer => createPublicKey(of.certificatePem).export({ format: 'der', type: 'spki' });

  describe('with keys that are hard to distinguish', () => {
    let leaves: readonly Issued[];

    beforeAll(async () => {
      const root = await makeAuthority();
      leaves = await Promise.all([root.issue(), root.issue(), root.issue(), root.issue({ keys: 'RSA-2048' })]);
      tokens.addToken('odd');
      const [one, two, bare, rsa] = leaves as [Issued, Issued, Issued, Issued];
      tokens.addKey('odd', one, { label: 'same', id: '01' });
      tokens.addPublicKey('odd', spki(one), { label: 'same', id: '01' });
      tokens.addKey('odd', two, { label: 'same', id: '02' });
      tokens.addCertificate('odd', two, { label: 'only the certificate', id: '02' });
      tokens.addKey('odd', bare, { label: 'bare', id: '03' });
      tokens.addKey('odd', rsa, { label: 'rsa', id: '04', more: ['--always-auth'] });
    });

    it('signs with the key of the certificate, out of two with one label', async () => {
      for (const leaf of leaves.slice(0, 2)) await signs('pkcs11:token=odd;object=same', leaf);
      const source = { kind: 'pkcs11', uri: 'pkcs11:token=odd;object=same', module } as const;
      const found = (await keys.publicKeys(source, pin, signal)) ?? [];
      const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
      expect(found.map(hex).sort()).toEqual(leaves.slice(0, 2).map(spki).map(hex).sort());
    });

    it.each(['object=only%20the%20certificate', 'id=%02', 'object=same;id=%02;type=private', 'type=private'])(
      'finds the key by %s',
      async (attributes) => {
        await signs(`pkcs11:token=odd;${attributes}`, leaves[1] as Issued);
      },
    );

    it('signs with a key without a visible public half, which the certificate identifies', async () => {
      const source = { kind: 'pkcs11', uri: 'pkcs11:token=odd;object=bare', module } as const;
      expect(await keys.publicKeys(source, pin, signal)).toBeUndefined();
      await signs(source.uri, leaves[2] as Issued);
      // The only one whose public half is unknown signs, and the signature is wrong.
      await expect(signs(source.uri, leaves[0] as Issued)).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
    });

    it('gives the PIN again to a key that wants it for each signature', async () => {
      await signs('pkcs11:token=odd;object=rsa', leaves[3] as Issued, 'AWS4-X509-RSA-SHA256');
    });

    it('does not sign with the key of another certificate', async () => {
      const wrong = signs('pkcs11:token=odd;object=rsa', leaves[0] as Issued);
      await expect(wrong).rejects.toMatchObject({ code: 'PKCS11_KEY_NOT_FOUND', retry: 'slow' });
    });
  });

  describe('of which there are several', () => {
    beforeAll(() => {
      tokens.addToken('twin');
      tokens.addToken('twin');
    });

    it('is identified by its serial number or slot', async () => {
      const asked = (uri: string) => keys.publicKeys({ kind: 'pkcs11', uri, module }, pin, signal);
      const failure = await asked('pkcs11:token=twin').catch((error: unknown) => error as KeyFailure);
      expect(failure).toMatchObject({ code: 'PKCS11_SEVERAL_TOKENS', retry: 'slow' });
      const { slot = '', serial = '' } =
        /slot-id=(?<slot>\d+) serial=(?<serial>\w+)/.exec(String(failure))?.groups ?? {};
      // It is empty.
      for (const uri of [`pkcs11:token=twin;serial=${serial}`, `pkcs11:slot-id=${slot}`])
        await expect(asked(uri)).rejects.toMatchObject({ code: 'PKCS11_KEY_NOT_FOUND' });
      await expect(asked(`pkcs11:token=twin;slot-id=999`)).rejects.toMatchObject({ code: 'PKCS11_TOKEN_NOT_FOUND' });
    });
  });

  it('is found by the name of its module, without lib and .so', async () => {
    expect(await keys.publicKeys({ ...source(''), module: 'softhsm2' }, pin, signal)).toHaveLength(KINDS.length);
  });
});
