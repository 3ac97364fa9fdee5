import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readCertificate } from '../../src/identity/certificate.ts';
import { selectedCertificates } from '../../src/identity/selected-certificates.ts';
import type { FoundCertificates } from '../../src/keys/key-request.ts';
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
    return from({ certificates: [...all, Buffer.from('damaged')], intermediates: [] }, selector);
  }

  function from(found: FoundCertificates, selector: object): readonly [string[], string[]] {
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
    const { serialNumber } = new X509Certificate(others.certificateDer);
    expect(selected({ issuer: 'O=Example PKI,CN=Others' })).toEqual([[serialNumber, '0C'], []]);
    expect(selected({ issuer: 'O=Example PKI,CN=Others', serial: '0c' })).toEqual([
      ['0C'],
      ['CN=Others, O=Example PKI'],
    ]);
    expect(selected({ issuer: 'CN=Root,O=Example PKI', serial: '0b00' })[0]).toEqual(['0B00']);
  });

  it('by its subject as it is listed, although that is no name that could be requested', async () => {
    const { certificateDer } = await root.issue({ subject: 'C=Germany,CN=device', serial: '0d' });
    const { subjectText } = readCertificate(certificateDer);
    expect(from({ certificates: [certificateDer], intermediates: [] }, { subject: subjectText })[0]).toEqual(['0D']);
  });

  it('has no subject only if none is asked for', async () => {
    const { certificateDer } = await root.issue({ subject: '', serial: '0d' });
    const found = { certificates: [certificateDer], intermediates: [] };
    expect(from(found, { serial: '0d' })[0]).toEqual(['0D']);
    expect(() => from(found, { subject: 'device' })).toThrow('none of the 1 certificates');
  });

  it('brings all that leads on from it, from either place', async () => {
    const upper = await root.subordinate('Upper');
    const lower = await upper.subordinate('Lower');
    const [one, two] = [await lower.issue({ serial: '0d' }), await others.issue({ serial: '0e' })];
    const certificates = [upper, one, others, two].map(({ certificateDer }) => certificateDer);
    const intermediates = [root, lower].map(({ certificateDer }) => certificateDer);
    const names = (...all: string[]): string[] => all.map((name) => `CN=${name}, O=Example PKI`);
    const found = { certificates, intermediates };
    expect(from(found, { serial: '0d' })).toEqual([['0D'], names('Lower', 'Upper', 'Root')]);
    expect(from(found, { subject: 'O=Example,CN=device-0001' })).toEqual([
      ['0D', '0E'],
      names('Others', 'Lower', 'Upper', 'Root'),
    ]);
  });

  it.each([
    [8, /there are: (?:CN=device-0001, O=Example \(serial 0c\)(?:; |$)){8}$/],
    [9, /there are: (?:CN=device-0001, O=Example \(serial 0c\); ){8}\.\.\.$/],
  ])('is missing among %i, of which the error lists eight', (count, message) => {
    const found = {
      certificates: Array.from({ length: count }, () => (foreign as Issued).certificateDer),
      intermediates: [],
    };
    expect(() => from(found, { serial: '0d' })).toThrow(message);
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
