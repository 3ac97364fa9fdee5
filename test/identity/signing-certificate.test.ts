import { describe, expect, it } from 'vitest';
import { type Certificate, readCertificate } from '../../src/identity/certificate.ts';
import { checkSigningCertificate, expiryWarning } from '../../src/identity/signing-certificate.ts';
import { type LeafOptions, makeAuthority, makeKeys } from '../support/pki.ts';
import { codeOf, load, NOW } from './identity-directory.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('a signing certificate is rejected', () => {
  const cases: Record<string, LeafOptions> = {
    CERTIFICATE_IS_CA: { ca: true },
    CERTIFICATE_EMPTY_SUBJECT: {
      subject: '',
      alternativeNames: [{ type: 'url', value: 'spiffe://example.org/device' }],
    },
    CERTIFICATE_KEY_USAGE: { keyUsage: 'none' },
    CERTIFICATE_NOT_YET_VALID: { notBefore: NOW + 1000 },
    CERTIFICATE_EXPIRED: { notAfter: NOW },
  };

  it.each(Object.entries(cases))('%s', async (code, options) => {
    const leaf = await (await makeAuthority()).issue(options);
    expect(await codeOf(load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem }))).toBe(code);
  });

  it('with other key usages only, which the error names', async () => {
    const leaf = await (await makeAuthority()).issue({ keyUsage: ['keyEncipherment', 'nonRepudiation'] });
    await expect(load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem })).rejects.toMatchObject({
      code: 'CERTIFICATE_KEY_USAGE',
      message: expect.stringContaining('nonRepudiation, keyEncipherment') as string,
    });
  });

  it.each(['P-256', 'RSA-2048'] as const)('signed with SHA-1 by a CA with %s', async (kind) => {
    const authority = await makeAuthority('Old', { keys: makeKeys(kind) });
    const leaf = await authority.issue({ hash: 'SHA-1' });
    expect(await codeOf(load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem }))).toBe(
      'CERTIFICATE_WEAK_SIGNATURE',
    );
  });

  it.each([1, 2])('of version %i', async (version) => {
    const certificate = { ...(await leafCertificate()), version };
    expect(() => {
      checkSigningCertificate(certificate, NOW);
    }).toThrow(`is of version ${version}`);
  });
});

describe('a signing certificate is accepted', () => {
  const cases: Record<string, LeafOptions> = {
    'with basicConstraints CA:FALSE': { ca: false },
    'with more key usages': { keyUsage: ['digitalSignature', 'keyEncipherment'] },
    'signed with SHA-384': { hash: 'SHA-384' },
    'signed with SHA-512': { hash: 'SHA-512' },
    'in its first second': { notBefore: NOW },
    'with a SPIFFE ID': {
      subject: 'C=US,O=SPIRE',
      alternativeNames: [{ type: 'url', value: 'spiffe://example.org/device' }],
    },
  };

  it.each(Object.entries(cases))('%s', async (_, options) => {
    const leaf = await (await makeAuthority()).issue(options);
    const { warnings } = await load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem });
    expect(warnings).toEqual([]);
  });

  it('in its last second, with a warning', async () => {
    const leaf = await (await makeAuthority()).issue({ notAfter: NOW + 1000 });
    const { warnings } = await load({ certificate: leaf.certificatePem, privateKey: leaf.keyPem });
    expect(warnings.map(({ code }) => code)).toEqual(['CERTIFICATE_EXPIRES_SOON']);
  });
});

describe('the warning before the end', () => {
  it.each([
    ['an hour', HOUR, 12 * MINUTE],
    ['a day', DAY, 288 * MINUTE],
    ['90 days', 90 * DAY, 18 * DAY],
    ['a year', 365 * DAY, 30 * DAY],
    ['ten years', 3650 * DAY, 30 * DAY],
  ])('of %s', async (_, lifetime, warned) => {
    const certificate = { ...(await leafCertificate()), notBefore: NOW, notAfter: NOW + lifetime };
    expect(expiryWarning(certificate, certificate.notAfter - warned)).toBeUndefined();
    expect(expiryWarning(certificate, certificate.notAfter - warned + 1)?.code).toBe('CERTIFICATE_EXPIRES_SOON');
  });
});

async function leafCertificate(): Promise<Certificate> {
  return readCertificate((await (await makeAuthority()).issue()).certificateDer);
}
