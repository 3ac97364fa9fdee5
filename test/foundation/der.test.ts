import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { der, derUnsigned, ecdsaSignature, oidContent, oidText, readDer, tags } from '../../src/foundation/der.ts';

describe('DER', () => {
  it.each([0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000])(
    'reads back an element with %i bytes of content',
    (length) => {
      const content = Buffer.alloc(length, 7);
      const element = der(tags.octetString, content);
      expect(readDer(element)).toEqual({ tag: tags.octetString, content, size: element.length });
    },
  );

  it.each([
    ['00', '020100'],
    ['', '020100'],
    ['0000', '020100'],
    ['7f', '02017f'],
    ['80', '02020080'],
    ['00ff', '020200ff'],
    ['0102', '02020102'],
  ])('writes the number %s as %s', (magnitude, written) => {
    expect(derUnsigned(Buffer.from(magnitude, 'hex')).toString('hex')).toBe(written);
  });

  it.each(['2.23.133.10.1.3', '1.2.840.113549.1.1.11', '2.999.3', '0.9.2342.19200300.100.1.1'])('writes %s', (oid) => {
    expect(oidText(oidContent(oid))).toBe(oid);
  });

  it('writes an ECDSA signature that OpenSSL accepts', () => {
    const message = Buffer.from('message');
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    for (let round = 0; round < 20; round += 1) {
      const both = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const signature = ecdsaSignature(both.subarray(0, 48), both.subarray(48));
      expect(verify('sha256', message, publicKey, signature)).toBe(true);
    }
  });
});
