// The rules of signing-certificate by themselves. signing-certificate.test.ts has real certificates.
import { describe, expect, it } from 'vitest';
import type { Certificate } from '../../src/identity/certificate.ts';
import {
  checkSigningCertificate,
  expiryWarning,
  oddities,
  signingFault,
} from '../../src/identity/signing-certificate.ts';
import { certificate, NOW } from './bare-certificate.ts';

const DAY = 86_400_000;
const SUBJECT = [{ type: 'CN', value: 'device' }];
const MET: Partial<Certificate> = {
  subject: SUBJECT,
  isCa: false,
  keyUsage: new Set(['digitalSignature']),
};

function device(changes: Partial<Certificate> = {}): Certificate {
  return certificate('CN=device<CN=CA', { ...MET, ...changes });
}

function authority(changes: Partial<Certificate> = {}): Certificate {
  return certificate('CN=CA<CN=Root', { isCa: true, keyUsage: new Set(['keyCertSign']), ...changes });
}

describe('a signing certificate', () => {
  it.each<[string, Partial<Certificate>]>([
    ['the extension basicConstraints is absent', { isCa: undefined }],
    ['its signature has no separate hash', { signatureHash: undefined }],
    ['it begins now', { notBefore: NOW }],
    ['it ends in a millisecond', { notAfter: NOW + 1 }],
    ['it has other key usages too', { keyUsage: new Set(['keyAgreement', 'digitalSignature']) }],
  ])('is accepted if %s', (_, changes) => {
    expect(signingFault(device(changes), NOW)).toBeUndefined();
    expect(() => {
      checkSigningCertificate(device(changes), NOW);
    }).not.toThrow();
  });

  it.each<[string, string, Partial<Certificate>]>([
    ['CERTIFICATE_NOT_V3', 'is of version 1', { version: 1 }],
    ['CERTIFICATE_IS_CA', 'is a CA certificate', { isCa: true }],
    ['CERTIFICATE_SERIAL_NEGATIVE', 'has the serial number -1', { serial: '-1' }],
    ['CERTIFICATE_KEY_USAGE', 'has no keyUsage', { keyUsage: undefined }],
    ['CERTIFICATE_KEY_USAGE', 'has the keyUsage cRLSign, keyAgreement only', usages('cRLSign', 'keyAgreement')],
    ['CERTIFICATE_WEAK_SIGNATURE', 'is signed with MD2', { signatureHash: 'MD2' }],
    ['CERTIFICATE_WEAK_SIGNATURE', 'is signed with MD4', { signatureHash: 'MD4' }],
    ['CERTIFICATE_WEAK_SIGNATURE', 'is signed with MD5', { signatureHash: 'MD5' }],
    ['CERTIFICATE_WEAK_SIGNATURE', 'is signed with SHA-1', { signatureHash: 'SHA-1' }],
    ['CERTIFICATE_WEAK_SIGNATURE', 'is signed with SHA-224', { signatureHash: 'SHA-224' }],
    [
      'CERTIFICATE_NOT_YET_VALID',
      'begins at 2001-09-09T01:46:41Z; this machine has 2001-09-09T01:46:40Z',
      { notBefore: NOW + 1_000 },
    ],
    [
      'CERTIFICATE_EXPIRED',
      'expired at 2001-09-09T01:46:40Z; this machine has 2001-09-09T01:46:40Z',
      { notAfter: NOW },
    ],
  ])('is rejected: %s, it %s', (code, fact, changes) => {
    const expected = { code, message: `the certificate CN=device ${fact}` };
    expect(signingFault(device(changes), NOW)).toMatchObject(expected);
    expect(() => {
      checkSigningCertificate(device(changes), NOW);
    }).toThrow(expect.objectContaining(expected) as Error);
  });

  it('without a subject is named by its serial number', () => {
    expect(signingFault(device({ subject: [], subjectText: '', serialHex: '0a' }), NOW)).toMatchObject({
      code: 'CERTIFICATE_EMPTY_SUBJECT',
      message: 'the certificate with serial 0a has no subject',
    });
  });
});

describe('the warning before the end', () => {
  it.each([
    ['a fifth of a short lifetime', 5 * DAY, DAY],
    ['30 days of a long one', 1_000 * DAY, 30 * DAY],
  ])('begins with less than %s left', (_, lifetime, left) => {
    const one = device({ notBefore: NOW, notAfter: NOW + lifetime });
    expect(expiryWarning(one, one.notAfter - left)).toBeUndefined();
    const warning = expiryWarning(one, one.notAfter - left + 1);
    expect(warning?.code).toBe('CERTIFICATE_EXPIRES_SOON');
    expect(warning?.message).toMatch(/^the certificate CN=device expires at 20\d\d-/);
  });
});

describe('what a strict verifier rejects', () => {
  const facts = (leaf: Certificate, chain: readonly Certificate[] = []): string[] =>
    oddities(leaf, chain).map(({ code, message }) => {
      expect(code).toBe('CERTIFICATE_UNUSUAL');
      return message.replace('the certificate ', '');
    });

  it('is nothing of a usual certificate and its CA', () => {
    expect(facts(device(), [authority(), authority()])).toEqual([]);
  });

  it('is an extension that occurs twice, or is critical and unknown', () => {
    const changes = { duplicateExtensions: ['1.1', '1.2'], unknownCriticalExtensions: ['1.3'] };
    const found = [
      'has the extension 1.1 twice',
      'has the extension 1.2 twice',
      'has the critical extension 1.3, which',
    ];
    expect(facts(device(changes)).map((fact) => fact.replace(' few programs know', ''))).toEqual(
      found.map((fact) => `CN=device ${fact}`),
    );
    expect(facts(device(), [authority(changes)])).toHaveLength(3);
  });

  it('is the key usage of a CA in a leaf', () => {
    expect(facts(device(usages('digitalSignature', 'keyCertSign')))).toEqual([
      'CN=device has the keyUsage keyCertSign, which only a CA has',
    ]);
    expect(facts(device(usages('cRLSign')))).toEqual(['CN=device has the keyUsage cRLSign, which only a CA has']);
    expect(facts(device({ keyUsage: undefined }))).toEqual([]);
  });

  it.each<[string, Partial<Certificate>]>([
    ['of version 1, not 3', { version: 1 }],
    ['without basicConstraints CA:TRUE', { isCa: undefined }],
    ['without basicConstraints CA:TRUE', { isCa: false }],
    ['without the keyUsage keyCertSign', usages('cRLSign')],
    ['without the keyUsage keyCertSign', { keyUsage: undefined }],
  ])('is an intermediate %s', (fact, changes) => {
    expect(facts(device(), [authority(), authority(changes)])).toEqual([`CN=CA is an intermediate ${fact}`]);
  });
});

function usages(...names: readonly string[]): Partial<Certificate> {
  return { keyUsage: new Set(names) } as Partial<Certificate>;
}
