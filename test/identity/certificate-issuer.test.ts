// Whether one certificate signed another, or itself, whatever OpenSSL can read of them.
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readCertificate } from '../../src/identity/certificate.ts';
import { type Authority, type Issued, makeAuthority, makeKeys, pairFrom } from '../support/pki.ts';
import { type Again, changedCertificate, type Fields, time, validity } from './changed-certificate.ts';
import { der, sequence } from './der-writer.ts';

let authority: Authority;
let device: Issued;
let rsa: Authority;
beforeAll(async () => {
  authority = await makeAuthority();
  device = await authority.issue();
  rsa = await makeAuthority('Root', { keys: makeKeys('RSA-2048') });
});

/** Default: the device's certificate, signed by its issuer. */
const changed = (change: (fields: Fields) => Partial<Fields>, again: Partial<Again> = {}): Buffer =>
  changedCertificate(change, { original: device, key: createPrivateKey(authority.keyPem), ...again });

describe('who signed a certificate', () => {
  const SHORT = validity(time('17', '2501010000Z'), time('17', '4501010000Z'));
  const PADDED = { serial: Buffer.from('02020005', 'hex') };
  const algorithm = (oid: string): Partial<Fields> => ({ algorithm: sequence(der('06', oid)) });
  const [ECDSA_SHA384, ED25519, MD2] = ['2a8648ce3d040303', '2b6570', '2a864886f70d010102'];
  const spki = (key: KeyObject): Buffer => createPublicKey(key).export({ format: 'der', type: 'spki' });
  const keyOf = ({ keyPem }: Issued): KeyObject => createPrivateKey(keyPem);
  const issuedBy = (certificate: Buffer, issuer: Buffer): boolean =>
    readCertificate(certificate).isIssuedBy(readCertificate(issuer));

  // OpenSSL 3.5 and later cannot read the second form, and no OpenSSL the third.
  const FORMS: readonly [string, Partial<Fields>][] = [
    ['usual', {}],
    ['without seconds', SHORT],
    ['without seconds, its serial number padded', { ...SHORT, ...PADDED }],
  ];

  it.each(FORMS)('is found by name and signature: %s', async (_, form) => {
    const certificate = changed(() => form);
    const { publicKey } = readCertificate(certificate);
    expect(publicKey?.export({ format: 'der', type: 'spki' })).toEqual(spki(keyOf(device)));
    const keys = pairFrom(authority.keyPem);
    for (const [, issuerForm] of FORMS)
      expect(
        issuedBy(
          certificate,
          changed(() => issuerForm, { original: authority }),
        ),
      ).toBe(true);
    expect(issuedBy(certificate, (await makeAuthority('Root', { keys })).certificateDer)).toBe(true);
    expect(issuedBy(certificate, (await makeAuthority('Other', { keys })).certificateDer)).toBe(false);
    expect(issuedBy(certificate, (await makeAuthority('Root')).certificateDer)).toBe(false);
    expect(issuedBy(certificate, rsa.certificateDer)).toBe(false);
  });

  it.each(FORMS)('may be its own key: %s', (_, form) => {
    const key = keyOf(device);
    const named = (names: (fields: Fields) => Partial<Fields>, signer: KeyObject) =>
      readCertificate(changed((fields) => ({ ...form, ...names(fields) }), { key: signer }));
    const own = named(({ subject }) => ({ issuer: subject }), key);
    expect([own.selfIssued, own.isSelfSigned()]).toEqual([true, true]);
    const others = named(({ subject }) => ({ issuer: subject }), keyOf(authority));
    expect([others.selfIssued, others.isSelfSigned()]).toEqual([true, false]);
    const leaf = named(() => ({}), key);
    expect([leaf.selfIssued, leaf.isSelfSigned()]).toEqual([false, false]);
  });

  it.each(FORMS)('is told by the names alone if the key is unknown: %s', (_, form) => {
    const key = sequence(sequence(der('06', '2a0304')), der('03', '0000'));
    const odd = changed(({ subject }) => ({ ...form, key, issuer: subject }));
    expect(readCertificate(odd).publicKey).toBeUndefined();
    expect(readCertificate(odd).isSelfSigned()).toBe(true);
    expect(readCertificate(changed(() => ({ ...form, key }))).isSelfSigned()).toBe(false);
    expect(issuedBy(odd, odd)).toBe(false);
  });

  it.each(FORMS)('is found with every hash: %s', (_, form) => {
    const sha384 = changed(() => ({ ...form, ...algorithm(ECDSA_SHA384) }), { hash: 'sha384' });
    expect(issuedBy(sha384, authority.certificateDer)).toBe(true);
    expect(
      issuedBy(
        changed(() => ({ ...form, ...algorithm(ECDSA_SHA384) })),
        authority.certificateDer,
      ),
    ).toBe(false);
    const pair = generateKeyPairSync('ed25519');
    const signer = changed(() => ({ key: spki(pair.privateKey) }), { original: authority });
    const signed = changed(() => ({ ...form, ...algorithm(ED25519) }), { key: pair.privateKey, hash: null });
    expect(issuedBy(signed, signer)).toBe(true);
    // No OpenSSL of today computes MD2.
    expect(
      issuedBy(
        changed(() => ({ ...form, ...algorithm(MD2) })),
        authority.certificateDer,
      ),
    ).toBe(false);
  });

  it('is decided by OpenSSL if it can read both', async () => {
    const name = (text: string): Buffer =>
      sequence(der('31', sequence(der('06', '550403'), der('0c', text)).toString('hex')));
    const [small, capital] = [name('6361'), name('4341')];
    const issuer = changed(() => ({ subject: capital }), { original: authority });
    // RFC 5280 7.1: names are equal in any case.
    expect(
      issuedBy(
        changed(() => ({ issuer: small })),
        issuer,
      ),
    ).toBe(true);
    expect(
      issuedBy(
        changed(() => ({ ...SHORT, ...PADDED, issuer: small })),
        issuer,
      ),
    ).toBe(false);
    const keys = pairFrom(authority.keyPem);
    const noCa = await authority.issue({ subject: 'CN=Root,O=Example PKI', keys, keyUsage: ['digitalSignature'] });
    expect(issuedBy(device.certificateDer, noCa.certificateDer)).toBe(false);
  });

  it('is found with RSASSA-PSS', () => {
    const sha256 = sequence(der('06', '608648016503040201')).toString('hex');
    const mgf1 = sequence(der('06', '2a864886f70d010108'), sha256).toString('hex');
    const parameters = sequence(der('a0', sha256), der('a1', mgf1), 'a203020120').toString('hex');
    const pss = sequence(der('06', '2a864886f70d01010a'), parameters);
    const key = { key: rsa.keyPem, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const certificate = changed(() => ({ algorithm: pss }), { key });
    expect(issuedBy(certificate, rsa.certificateDer)).toBe(true);
    expect(issuedBy(certificate, authority.certificateDer)).toBe(false);
  });

  it('is not asked of a certificate that OpenSSL rejects for another reason than its times', () => {
    expect(() => readCertificate(changed(() => PADDED))).toThrow(
      expect.objectContaining({ code: 'ERR_OSSL_ASN1_ILLEGAL_PADDING' }) as Error,
    );
  });
});
