import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { openPkcs12 } from '../../src/identity/pkcs12.ts';
import { der, sequence } from './der-writer.ts';

// In pkcs12/, a P-256 key and its certificate, as `openssl pkcs12 -export` of OpenSSL 3.0 writes them:
// plain-*: -certpbe NONE -keypbe NONE; *-no-mac: -nomac; *-md5, *-sha384, *-sha512: -macalg; *-3des: PBE-SHA1-3DES, -macalg
// SHA1. empty-* has the passphrase "", absent-* was made by PKCS12_create with NULL. rsa also has the certificate of the other
// key (-certfile).

const PASSPHRASE = 'geheim';
const UNICODE = 'Grüße, 世界 🔑';

/** SHA-256 of the certificate, and of the public key as SubjectPublicKeyInfo, by OpenSSL. */
const EC = {
  certificate: '741ee3a3909d3078419d2099d628e09a11f0ba3977b356db4531eccbf98773ae',
  publicKey: '020e9396e84d1905027b827bbcaa572ccd447ee5cbf741c86aaa8fb967cb93d0',
};
const RSA = {
  certificate: '8f9f2e883b6ff32176d56d3db7334671e26501dd69c86a1db5b4f707d00f91c7',
  publicKey: 'f83809b7fa9dba472a50052b3291062c5a45246800a4f5bab55afc9327644ad6',
};

const file = (name: string): Buffer => readFileSync(new URL(name, import.meta.url));
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

interface Opened {
  readonly certificates: readonly string[];
  readonly publicKeys: readonly string[];
  readonly forms: readonly string[];
}

function opened(content: Buffer, passphrase: string | undefined): Opened {
  const secret = passphrase === undefined ? undefined : new Secret(passphrase);
  const { certificates, keys } = openPkcs12(content, secret, 'file.p12');
  const publicKeys = keys.map((key) => {
    if (key.form !== 'pkcs1' && key.form !== 'pkcs8') throw new Error(`a key in the form ${key.form}`);
    const privateKey = createPrivateKey({ key: key.der, format: 'der', type: key.form });
    return sha256(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  });
  return { certificates: certificates.map(sha256), publicKeys, forms: keys.map(({ form }) => form) };
}

describe('PKCS#12 opens', () => {
  it.each([
    ['plain-md5', PASSPHRASE],
    ['plain-no-mac', undefined],
    ['plain-no-mac', PASSPHRASE],
    ['no-mac', PASSPHRASE],
    ['empty-sha384', ''],
    ['empty-sha384', undefined],
    ['empty-3des', ''],
    ['empty-3des', undefined],
    ['absent-3des', ''],
    ['absent-3des', undefined],
    ['unicode-sha512', UNICODE],
    ['unicode-3des', UNICODE],
    ['unicode-no-mac', UNICODE],
  ])('%s with the passphrase %j', (name, passphrase) => {
    expect(opened(file(`pkcs12/${name}.p12`), passphrase)).toEqual({
      certificates: [EC.certificate],
      publicKeys: [EC.publicKey],
      forms: ['pkcs8'],
    });
  });

  it('with RSA and another certificate', () => {
    expect(opened(file('pkcs12/rsa.p12'), PASSPHRASE)).toEqual({
      certificates: [RSA.certificate, EC.certificate],
      publicKeys: [RSA.publicKey],
      forms: ['pkcs1'],
    });
  });
});

describe('PKCS#12 does not open', () => {
  const failure = (code: string, reason: RegExp): Error =>
    expect.objectContaining({ code, message: expect.stringMatching(reason) as string }) as Error;

  it.each([
    ['no-mac', undefined, 'PASSPHRASE_MISSING'],
    ['no-mac', 'falsch', 'PASSPHRASE_WRONG'],
    ['plain-md5', undefined, 'PASSPHRASE_MISSING'],
    ['plain-md5', 'falsch', 'PASSPHRASE_WRONG'],
    ['plain-md5', 'ungültig', 'PASSPHRASE_WRONG'],
    ['unicode-no-mac', 'ungültig', 'PASSPHRASE_WRONG'],
    ['unicode-sha512', 'ungültig', 'PASSPHRASE_WRONG'],
    ['rsa', undefined, 'PASSPHRASE_MISSING'],
    ['rsa', 'falsch', 'PASSPHRASE_WRONG'],
  ])('%s with the passphrase %j: %s', (name, passphrase, code) => {
    expect(() => opened(file(`pkcs12/${name}.p12`), passphrase)).toThrow(failure(code, /file\.p12/));
  });

  it('and the error says what the passphrase looks like', () => {
    expect(() => opened(file('pkcs12/rsa.p12'), `${PASSPHRASE} `)).toThrow(failure('PASSPHRASE_WRONG', /white space/));
  });

  // Object identifiers of RFC 8018, RFC 9579 and NIST.
  it.each([
    ['2a864886f70d01050e', 'PBMAC1 (RFC 9579)'],
    ['608648016503040204', 'HMAC-SHA-224'],
    ['608648016503040207', 'HMAC-SHA3-224'],
    ['608648016503040208', 'HMAC-SHA3-256'],
    ['608648016503040209', 'HMAC-SHA3-384'],
    ['60864801650304020a', 'HMAC-SHA3-512'],
    ['60864801650304020b', '2.16.840.1.101.3.4.2.11'],
  ])('with the MAC %s: it is named as %s', (oid, name) => {
    const content = file('device.p12');
    const digest = content.lastIndexOf(Buffer.from('608648016503040201', 'hex'));
    content.set(Buffer.from(oid, 'hex'), digest);
    const thrown = failure('PKCS12_UNREADABLE', /is PKCS#12 whose MAC is /);
    expect(() => opened(content, PASSPHRASE)).toThrow(thrown);
    expect(() => opened(content, PASSPHRASE)).toThrow(`whose MAC is ${name}, which`);
  });

  it('if it takes more than 500 000 rounds', () => {
    const store = (rounds: string): Buffer => sequence('020103', sequence(der('04', '00'.repeat(8)), rounds));
    expect(() => opened(store('020307a120'), PASSPHRASE)).toThrow(failure('PKCS12_UNREADABLE', /cannot be read/));
    expect(() => opened(store('020307a121'), PASSPHRASE)).toThrow(
      failure('KEY_DERIVATION_TOO_COSTLY', /500001 rounds/),
    );
  });

  it.each([
    ['bytes after it', Buffer.concat([file('device.p12'), Buffer.from('junk')]), /bytes remain/],
    ['a secret key of keytool', file('secret-key.p12'), /an entry that is neither a key pair nor a certificate/],
    ['a MAC without a digest', sequence('020103', '3000', '3000'), /cannot be read/],
    ['a MAC of another type', sequence('020103', '3000', '040161'), /cannot be read/],
  ])('with %s', (_, content, reason) => {
    expect(() => opened(content, PASSPHRASE)).toThrow(failure('PKCS12_UNREADABLE', reason));
  });
});
