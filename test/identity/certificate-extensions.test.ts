// Oids and bits of the standards, written down a second time.
import { describe, expect, it } from 'vitest';
import {
  alternativeNamesIn,
  basicConstraintsIn,
  duplicates,
  keyUsageIn,
  unknownCritical,
} from '../../src/identity/certificate-extensions.ts';
import { signatureHashOf } from '../../src/identity/signature-hash.ts';
import { der, sequence } from './der-writer.ts';

/** Base 128, the first two numbers in one. */
function oid(dotted: string): string {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  const digits = (number: number, last = true): number[] => [
    ...(number >= 128 ? digits(Math.floor(number / 128), false) : []),
    (number % 128) + (last ? 0 : 128),
  ];
  return der('06', Buffer.from([40 * first + second, ...others.flatMap((number) => digits(number))]).toString('hex'));
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('the hash of a signature algorithm', () => {
  it.each([
    ['1.2.840.113549.1.1.2', 'MD2'],
    ['1.2.840.113549.1.1.3', 'MD4'],
    ['1.2.840.113549.1.1.4', 'MD5'],
    ['1.2.840.113549.1.1.5', 'SHA-1'],
    ['1.2.840.113549.1.1.14', 'SHA-224'],
    ['1.2.840.113549.1.1.11', 'SHA-256'],
    ['1.2.840.113549.1.1.12', 'SHA-384'],
    ['1.2.840.113549.1.1.13', 'SHA-512'],
    ['1.3.14.3.2.3', 'MD5'],
    ['1.3.14.3.2.27', 'SHA-1'],
    ['1.3.14.3.2.29', 'SHA-1'],
    ['1.2.840.10040.4.3', 'SHA-1'],
    ['2.16.840.1.101.3.4.3.1', 'SHA-224'],
    ['2.16.840.1.101.3.4.3.2', 'SHA-256'],
    ['1.2.840.10045.4.1', 'SHA-1'],
    ['1.2.840.10045.4.3.1', 'SHA-224'],
    ['1.2.840.10045.4.3.2', 'SHA-256'],
    ['1.2.840.10045.4.3.3', 'SHA-384'],
    ['1.2.840.10045.4.3.4', 'SHA-512'],
    ['2.16.840.1.101.3.4.3.9', 'SHA3-224'],
    ['2.16.840.1.101.3.4.3.10', 'SHA3-256'],
    ['2.16.840.1.101.3.4.3.11', 'SHA3-384'],
    ['2.16.840.1.101.3.4.3.12', 'SHA3-512'],
    ['2.16.840.1.101.3.4.3.13', 'SHA3-224'],
    ['2.16.840.1.101.3.4.3.14', 'SHA3-256'],
    ['2.16.840.1.101.3.4.3.15', 'SHA3-384'],
    ['2.16.840.1.101.3.4.3.16', 'SHA3-512'],
    // Ed25519, ML-DSA-44, and one that nothing knows.
    ['1.3.101.112', undefined],
    ['2.16.840.1.101.3.4.3.17', undefined],
    ['1.2.3.4', undefined],
  ])('%s is %s', (algorithm, hash) => {
    expect(signatureHashOf(hex(oid(algorithm)))).toBe(hash);
    expect(signatureHashOf(hex(`${oid(algorithm)}0500`))).toBe(hash);
  });

  it.each([
    ['1.3.14.3.2.26', 'SHA-1'],
    ['2.16.840.1.101.3.4.2.4', 'SHA-224'],
    ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
    ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
    ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
    ['1.2.3.4', undefined],
  ])('RSASSA-PSS with the digest %s is %s', (digest, hash) => {
    const parameters = sequence(der('a0', sequence(oid(digest), '0500').toString('hex')), der('a2', '020120'));
    expect(signatureHashOf(hex(oid('1.2.840.113549.1.1.10') + parameters.toString('hex')))).toBe(hash);
  });

  it('RSASSA-PSS without a digest is SHA-1, the default', () => {
    const pss = oid('1.2.840.113549.1.1.10');
    expect(signatureHashOf(hex(`${pss}3000`))).toBe('SHA-1');
    expect(signatureHashOf(hex(`${pss}${sequence(der('a2', '020120')).toString('hex')}`))).toBe('SHA-1');
    expect(signatureHashOf(hex(pss))).toBe('SHA-1');
  });

  it.each(['', '0500'])('is unknown without an algorithm: %j', (algorithm) => {
    expect(signatureHashOf(hex(algorithm))).toBeUndefined();
  });
});

describe('a critical extension', () => {
  const extension = (dotted: string, critical = true) => ({ oid: dotted, critical, value: Buffer.alloc(0) });
  /** RFC 5280 4.2.1 and 6.1. */
  const known = [14, 15, 17, 19, 30, 31, 32, 33, 35, 36, 37, 54].map((last) => `2.5.29.${last}`);

  it('of RFC 5280 is known', () => {
    expect(unknownCritical(known.map((one) => extension(one)))).toEqual([]);
  });

  it('of anything else is not', () => {
    const others = ['2.5.29.18', '2.5.29.9', '1.3.6.1.5.5.7.1.1', '1.2.3'];
    expect(unknownCritical([...known, ...others].map((one) => extension(one)))).toEqual(others);
    expect(unknownCritical(others.map((one) => extension(one, false)))).toEqual([]);
  });

  it('is named once if it is there more than once', () => {
    expect(duplicates(['1.2', '1.3', '1.2', '1.2', '1.4', '1.3'].map((one) => extension(one)))).toEqual(['1.2', '1.3']);
    expect(duplicates(known.map((one) => extension(one)))).toEqual([]);
  });
});

describe('keyUsage', () => {
  it.each([
    ['03020780', ['digitalSignature']],
    ['03020640', ['nonRepudiation']],
    ['03020520', ['keyEncipherment']],
    ['03020410', ['dataEncipherment']],
    ['03020308', ['keyAgreement']],
    ['03020204', ['keyCertSign']],
    ['03020102', ['cRLSign']],
    ['03020001', ['encipherOnly']],
    ['0303070080', ['decipherOnly']],
    ['0303070880', ['keyAgreement', 'decipherOnly']],
    ['030205a0', ['digitalSignature', 'keyEncipherment']],
    ['030100', []],
  ])('%s is %j', (bits, usages) => {
    expect([...keyUsageIn(hex(bits))]).toEqual(usages);
  });

  it('must be a BIT STRING', () => {
    expect(() => keyUsageIn(hex('04020780'))).toThrow('its keyUsage cannot be read');
  });
});

describe('basicConstraints', () => {
  it.each([
    ['3000', false, undefined],
    ['30030101ff', true, undefined],
    ['3003010101', true, undefined],
    ['3003010100', false, undefined],
    ['30060101ff020100', true, 0],
    ['30060101ff02010c', true, 12],
    ['3003020103', false, 3],
  ])('%s: CA %s, path length %s', (value, isCa, pathLength) => {
    expect(basicConstraintsIn(hex(value))).toEqual({ isCa, pathLength });
  });
});

describe('alternative names', () => {
  it.each([
    ['81', '6140622e63', { type: 'email', value: 'a@b.c' }],
    ['82', '612e62', { type: 'DNS', value: 'a.b' }],
    ['86', '613a62', { type: 'URI', value: 'a:b' }],
    ['82', 'c3a4', { type: 'DNS', value: 'ä' }],
    ['87', '0a000001', { type: 'IP', value: '10.0.0.1' }],
    ['87', '20010db8000000000000000000000001', { type: 'IP', value: '2001:0db8:0000:0000:0000:0000:0000:0001' }],
    ['87', '', { type: 'IP', value: '' }],
    ['a4', '3000', { type: 'directoryName', name: hex('3000') }],
  ])('%s %s', (tag, content, name) => {
    expect(alternativeNamesIn(sequence(der(tag, content)))).toEqual([name]);
  });
});
