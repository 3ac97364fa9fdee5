import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { selectedCertificates } from '../../src/identity/selected-certificates.ts';
import { type Authority, type Issued, makeAuthority } from '../support/pki.ts';

describe('a selected certificate', () => {
  const SUBJECT = 'C=DE, O="Example, Inc.", OU=Edge, OU=Devices, CN=Gerät, E=ops@example.com';
  let root: Authority;
  let others: Authority;
  let [older, newer, foreign]: Issued[] = [];

  beforeAll(async () => {
    [root, others] = await Promise.all([makeAuthority('Root'), makeAuthority('Others')]);
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    older = await root.issue({ keys, subject: SUBJECT, serial: '0a4f' });
    newer = await root.issue({ keys, subject: SUBJECT, serial: '0b00' });
    foreign = await others.issue({ serial: '0c' });
  });

  /** Serial numbers of the certificates, and names of what leads on. */
  function selected(selector: object): readonly [string[], string[]] {
    const all = [older, root, newer, others, foreign].map((issued) => (issued as Issued).certificateDer);
    const found = { certificates: [...all, Buffer.from('damaged')], intermediates: [] };
    const { certificates, intermediates } = selectedCertificates(found, selector, 'the token');
    return [
      certificates.map((der) => new X509Certificate(der).serialNumber),
      intermediates.map((der) => new X509Certificate(der).subject.replaceAll('\n', ', ')),
    ];
  }

  const BOTH = [['0A4F', '0B00'], ['CN=Root, O=Example PKI']];

  it.each([
    // As Go's pkix.Name prints it, for the AWS helper: sorted by type, equal types joined.
    'CN=Gerät,OU=Edge+OU=Devices,O=Example\\, Inc.,C=DE,1.2.840.113549.1.9.1=#0c0f6f7073406578616d706c652e636f6d',
    // As `openssl x509 -subject -nameopt RFC2253,-esc_msb,utf8` does.
    'emailAddress=ops@example.com,CN=Gerät,OU=Devices,OU=Edge,O=Example\\, Inc.,C=DE',
    // As check-config does.
    'C=DE, O=Example\\, Inc., OU=Edge, OU=Devices, CN=Gerät, E=ops@example.com',
    '/C=DE/O=Example, Inc./OU=Edge/OU=Devices/CN=Gerät/emailAddress=ops@example.com',
  ])('by its subject %s', (subject) => {
    expect(selected({ subject })).toEqual(BOTH);
  });

  it.each(['0a4f', 'A4F', '000A4F'])('by its serial number %s', (serial) => {
    expect(selected({ serial })).toEqual([['0A4F'], ['CN=Root, O=Example PKI']]);
  });

  it('by its issuer, and by all criteria together', () => {
    expect(selected({ issuer: 'O=Example PKI,CN=Others' })[0]).toContain('0C');
    expect(selected({ issuer: 'O=Example PKI,CN=Others', serial: '0c' })).toEqual([
      ['0C'],
      ['CN=Others, O=Example PKI'],
    ]);
    expect(selected({ issuer: 'CN=Root,O=Example PKI', serial: '0b00' })[0]).toEqual(['0B00']);
  });

  it.each([
    { subject: 'CN=Gerät' },
    { subject: 'CN=gerät,OU=Edge+OU=Devices,O=Example\\, Inc.,C=DE,E=ops@example.com' },
    { subject: 'Gerät' },
    { subject: 'CN=' },
    { issuer: 'CN=Root,O=Example PKI', serial: '0c' },
    { serial: '0a' },
  ])('is missing for %j, and the error lists the certificates', (selector) => {
    expect(() => selected(selector)).toThrow(
      expect.objectContaining({
        code: 'CERTIFICATE_NOT_SELECTED',
        message: expect.stringMatching(
          /^the token: none of the 6 .* there are: C=DE, .*\(serial 0a4f\); .*CN=device-0001, O=Example \(serial 0c\)$/,
        ) as string,
      }) as Error,
    );
  });
});
