import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateContent, outsideKeyContent } from '../../src/identity/outside-contents.ts';
import type { TpmSource } from '../../src/keys/key-source.ts';

/** As they are after they have crossed between threads. */
const [one, two, key] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
const nothing = { keys: [], found: [], skipped: [] };

describe('the certificates outside of files', () => {
  it('are those of a token, with its intermediates', () => {
    const certificates = { certificates: [one], intermediates: [two] };
    expect(certificateContent({ key: undefined, certificates })).toEqual({
      ...nothing,
      path: 'the token',
      certificates: [Buffer.of(1), Buffer.of(2)],
    });
  });

  it('are those of an SVID, with its key', () => {
    const svid = { path: 'the SVID spiffe://a/b', certificates: [one, two], key };
    expect(certificateContent({ key: undefined, certificates: undefined, svid })).toEqual({
      ...nothing,
      path: 'the SVID spiffe://a/b',
      certificates: [Buffer.of(1), Buffer.of(2)],
      keys: [{ form: 'pkcs8', der: Buffer.of(3) }],
    });
  });

  it('may be none', () => {
    for (const outside of [undefined, { key: undefined, certificates: undefined }])
      expect(certificateContent(outside)).toEqual({ ...nothing, path: 'the token', certificates: [] });
  });
});

describe('a key outside of files', () => {
  const source: TpmSource = { kind: 'tpm', key: { handle: 0x81010001 } };
  const secret = createSecretKey(Buffer.from('1234'));

  it('is one of those that its place names', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const spki = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }));
    const { publicKeys, ...content } = outsideKeyContent({ source, secret, publicKeys: [spki] });
    expect(content).toEqual({ path: 'handle:0x81010001', source, secret });
    expect(
      publicKeys?.map((each) => each.equals(createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })))),
    ).toEqual([true]);
  });

  it('is the one of the certificate if its place names none', () => {
    const content = { source, secret: undefined, publicKeys: undefined };
    expect(outsideKeyContent(content)).toEqual({ path: 'handle:0x81010001', ...content });
  });
});
