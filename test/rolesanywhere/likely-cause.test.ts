import { describe, expect, test } from 'vitest';
import { readCertificate } from '../../src/identity/certificate.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import { type RefusedRequest, withLikelyCause } from '../../src/rolesanywhere/likely-cause.ts';
import { rolesAnywhereError, type RolesAnywhereErrorCode } from '../../src/rolesanywhere/rolesanywhere-errors.ts';
import { type LeafOptions, makeAuthority } from '../support/pki.ts';
import { NOW, target } from './support.ts';

const root = await makeAuthority('Root');
const issuing = await root.subordinate('Issuing CA');

async function identityOf(options: LeafOptions, chain: readonly Buffer[] = []): Promise<RefusedRequest['identity']> {
  const { notBefore, notAfter, der } = readCertificate((await issuing.issue(options)).certificateDer);
  return { certificate: der, chain, notBefore, notAfter };
}

const device = await identityOf({ subject: 'CN=device-0001,O=Example' });

/** What the remedy says before the one of the catalogue. */
function causeOf(code: RolesAnywhereErrorCode, changes: Partial<RefusedRequest> = {}): string | undefined {
  const refused = new ExchangeFailure(rolesAnywhereError(code, 'it said no'), { retry: 'slow', requestId: 'id' });
  const { remedy, ...same } = withLikelyCause(refused, { identity: device, role: target, now: NOW, ...changes });
  expect(same).toMatchObject({ code, retry: 'slow', requestId: 'id' });
  expect(remedy.endsWith(refused.remedy)).toBe(true);
  return remedy.slice(0, -refused.remedy.length).trim();
}

describe('the likely cause', () => {
  test('of a trust anchor that does not know the chain is its missing CA', () => {
    expect(causeOf('RA_UNTRUSTED_SIGNING_CERTIFICATE')).toBe(
      'The request had no intermediate, so the trust anchor must contain the CA "CN=Issuing CA, O=Example PKI".',
    );
    const withChain = { identity: { ...device, chain: [issuing.certificateDer] } };
    expect(causeOf('RA_UNTRUSTED_SIGNING_CERTIFICATE', withChain)).toBe(
      'The request had 1 intermediate, so the trust anchor must contain the CA "CN=Root, O=Example PKI".',
    );
    const longer = { identity: { ...device, chain: [issuing.certificateDer, root.certificateDer] } };
    expect(causeOf('RA_UNTRUSTED_SIGNING_CERTIFICATE', longer)).toContain('The request had 2 intermediates, so');
  });

  test.each(['RA_REFUSED', 'RA_UNTRUSTED_SIGNING_CERTIFICATE', 'RA_INSUFFICIENT_CERTIFICATE'] as const)(
    'of %s is an expired certificate',
    (code) => {
      expect(causeOf(code, { now: device.notAfter })).toMatch(/^The certificate expired at \S+Z: renew it\.$/);
      expect(causeOf(code, { now: device.notBefore - 1 })).toMatch(/^The certificate is not valid before \S+Z\.$/);
      expect(causeOf(code, { now: device.notBefore })).not.toContain('not valid');
      const chain = [issuing.certificateDer];
      const later = readCertificate(issuing.certificateDer).notAfter;
      const identity = { ...device, chain, notAfter: later + 1 };
      expect(causeOf(code, { identity, now: later })).toMatch(/^The intermediate CN=Issuing CA, O=Example PKI expired/);
    },
  );

  test('of a role that cannot be assumed is in its trust policy: how to compare it', async () => {
    const identity = await identityOf({ subject: 'CN=device (1),O=Example,OU=Devices' });
    expect(causeOf('RA_CANNOT_ASSUME_ROLE', { identity })).toBe(
      'Save the trust policy with `aws iam get-role --role-name Demo > trust.json`. ' +
        'Not a tag: x509Subject/CN "device (1)" has "(" ")", which no session tag can have.',
    );
  });

  test('of attributes that are not mapped has each of them', async () => {
    const identity = await identityOf({ subject: 'CN=*.example,O=Example (x)' });
    expect(causeOf('RA_ATTRIBUTES_NOT_MAPPED', { identity })).toBe(
      'x509Subject/CN "*.example" has "*", which no session tag can have; x509Subject/O "Example (x)" has "(" ")", which no session tag can have.',
    );
    expect(causeOf('RA_ATTRIBUTES_NOT_MAPPED')).toBe('');
    const long = await identityOf({ subject: `CN=*${'x'.repeat(300)}` });
    expect(causeOf('RA_ATTRIBUTES_NOT_MAPPED', { identity: long })).toContain(
      `x509Subject/CN "*${'x'.repeat(99)}" has`,
    );
  });

  test.each([
    [
      'RA_TRUST_ANCHOR_NOT_FOUND',
      'Run `aws rolesanywhere get-trust-anchor --region eu-central-1 --trust-anchor-id 11111111-2222-3333-4444-555555555555`.',
    ],
    [
      'RA_PROFILE_INVALID',
      'Run `aws rolesanywhere get-profile --region eu-central-1 --profile-id 66666666-7777-8888-9999-000000000000`.',
    ],
    [
      'RA_ROLE_NOT_ON_PROFILE',
      'Run `aws rolesanywhere get-profile --region eu-central-1 --profile-id 66666666-7777-8888-9999-000000000000`. Its roleArns must have arn:aws:iam::123456789012:role/Demo.',
    ],
    ['RA_DURATION_EXCEEDS_ROLE', 'Run `aws iam update-role --role-name Demo --max-session-duration 3600`.'],
  ] as const)('of %s is a command that shows or fixes it', (code, cause) => {
    expect(causeOf(code)).toBe(cause);
  });

  test.each(['RA_REFUSED', 'RA_THROTTLED', 'RA_UNAVAILABLE', 'RA_UNREACHABLE', 'RA_CLOCK_OFF'] as const)(
    'of %s is unknown',
    (code) => {
      expect(causeOf(code)).toBe('');
    },
  );

  test('is left out for a certificate that cannot be read', () => {
    const identity = { ...device, certificate: Buffer.from('no certificate') };
    expect(causeOf('RA_CANNOT_ASSUME_ROLE', { identity })).toBe('');
  });
});
