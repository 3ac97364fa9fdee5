// Certificates that exist in the field and that OpenSSL reads: read as OpenSSL does, or rejected for what is odd about them.
import { execFileSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDer } from '../../src/foundation/der.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { certificateFields } from '../../src/identity/certificate-fields.ts';
import { type Authority, type Issued, makeAuthority, pem } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { changedCertificate, type Fields, rawElements, time, validity } from './changed-certificate.ts';
import { der, sequence } from './der-writer.ts';
import { codeOf, load, NOW, writeFile } from './identity-directory.ts';

let authority: Authority;
let device: Issued;
beforeAll(async () => {
  authority = await makeAuthority();
  device = await authority.issue({ alternativeNames: [{ type: 'dns', value: 'device.example.com' }] });
});

/** The device's certificate with some fields written otherwise. */
const changed = (change: (fields: Fields) => Partial<Fields>): Buffer =>
  changedCertificate(change, { original: device, key: createPrivateKey(authority.keyPem) });

const extension = (oid: string, value: string, critical = ''): Buffer =>
  sequence(der('06', oid), critical, der('04', value));
const withExtensions = ({ extensions }: Fields, ...more: readonly Buffer[]): Partial<Fields> => {
  const present = rawElements(readDer(readDer(extensions).content).content);
  return { extensions: Buffer.from(der('a3', sequence(...present, ...more).toString('hex')), 'hex') };
};

const TIMES: readonly [string, Partial<Fields>, string][] = [
  ['UTCTime without seconds', validity(time('17', '2501010000Z'), time('17', '4501010000Z')), '2045-01-01T00:00:00Z'],
  [
    'GeneralizedTime without seconds',
    validity(time('18', '202501010000Z'), time('18', '204501010000Z')),
    '2045-01-01T00:00:00Z',
  ],
  [
    'UTCTime with an offset',
    validity(time('17', '250101000000+0100'), time('17', '450101000000-0130')),
    '2045-01-01T01:30:00Z',
  ],
  ['both', validity(time('17', '2501010000+0100'), time('17', '4501010000+0100')), '2044-12-31T23:00:00Z'],
  [
    'UTCTime of the last century',
    validity(time('17', '500101000000Z'), time('17', '491231235959Z')),
    '2049-12-31T23:59:59Z',
  ],
  ['GeneralizedTime', validity(time('18', '19500101000000Z'), time('18', '99991231235959Z')), '9999-12-31T23:59:59Z'],
  [
    'GeneralizedTime with an offset',
    validity(time('18', '20250101000000+0000'), time('18', '20450101000000+0200')),
    '2044-12-31T22:00:00Z',
  ],
];

describe('times', () => {
  it.each(TIMES)('%s', async (_, fields, end) => {
    const certificate = changed(() => fields);
    expect(readCertificate(certificate).notAfter).toBe(Date.parse(end));
    const { identity } = await load({ certificate, privateKey: device.keyPem });
    expect(identity.notAfter).toBe(Date.parse(end));
  });

  it.each([
    ['a 13th month', validity(time('17', '251301000000Z'), time('17', '450101000000Z')), /begin cannot be read/],
    ['letters', validity(time('17', '250101000000Z'), time('17', 'never')), /end cannot be read/],
  ])('that are invalid are named: %s', async (_, fields, reason) => {
    await expect(load({ certificate: changed(() => fields), privateKey: device.keyPem })).rejects.toMatchObject({
      code: 'CERTIFICATE_MALFORMED',
      message: expect.stringMatching(reason) as string,
    });
  });
});

describe('the fields of a certificate', () => {
  const fields = (change: Partial<Fields>) => certificateFields(changed(() => change));

  // X.680 46 and 47: minutes and seconds may be left out, fractions and an offset may follow.
  it.each([
    ['17', '4501010203Z', '2045-01-01T02:03:00Z', true],
    ['17', '45010102Z', '2045-01-01T02:00:00Z', true],
    ['17', '450101020304', '2045-01-01T02:03:04Z', false],
    ['17', '450101020304Z', '2045-01-01T02:03:04Z', false],
    ['17', '490101020304Z', '2049-01-01T02:03:04Z', false],
    ['17', '500101020304Z', '1950-01-01T02:03:04Z', false],
    ['18', '20450101020304.5Z', '2045-01-01T02:03:04Z', false],
    ['18', '20450101020304,25Z', '2045-01-01T02:03:04Z', false],
    ['18', '204501010203Z', '2045-01-01T02:03:00Z', true],
    ['18', '20450101020304-0130', '2045-01-01T03:33:04Z', false],
  ] as const)('have the time %s %s', (tag, written, at, isShort) => {
    const usual = time('17', '250101000000Z');
    expect(fields(validity(usual, time(tag, written)))).toMatchObject({
      notBefore: Date.parse('2025-01-01T00:00:00Z'),
      notAfter: Date.parse(at),
      hasShortTime: isShort,
    });
    expect(fields(validity(time(tag, written), usual))).toMatchObject({
      notBefore: Date.parse(at),
      hasShortTime: isShort,
    });
  });

  it.each([
    time('17', '20450101020304Z'),
    time('18', '45010102Z'),
    time('17', '450101020304Z '),
    time('17', ' 450101020304Z'),
    time('17', '450101020304+1'),
    time('17', '450101020304.Z'),
    time('17', '450132020304Z'),
    time('17', ''),
    der('16', Buffer.from('450101020304Z').toString('hex')),
    '',
  ])('have no time %j', (odd) => {
    const usual = time('17', '250101000000Z');
    expect(() => fields(validity(usual, odd))).toThrow('its end cannot be read');
    expect(() => fields({ validity: sequence(odd) })).toThrow('its begin cannot be read');
  });

  it.each([
    ['01', '020100'],
    ['02', '020101'],
    ['03', '020102'],
  ])('have the version %s', (version, number) => {
    expect(fields({ version: Buffer.from(der('a0', number), 'hex') }).version).toBe(Number(version));
  });

  it.each([
    ['0301fb', 'its serial number cannot be read'],
    ['0200', 'its serial number cannot be read'],
  ])('have no serial number %s', (serial, reason) => {
    expect(() => fields({ serial: Buffer.from(serial, 'hex') })).toThrow(reason);
  });

  it('must all be there', () => {
    const none = Buffer.alloc(0);
    expect(() => fields({ key: none, extensions: none })).toThrow('it lacks required fields');
    expect(() => certificateFields(sequence(sequence(), sequence()))).toThrow('it is not a certificate');
    const [tbs = '', ...signature] = rawElements(readDer(device.certificateDer).content);
    const all = rawElements(readDer(Buffer.from(tbs)).content);
    for (let count = 0; count < 7; count += 1) {
      const short = sequence(sequence(...all.slice(0, count)), ...signature);
      expect(() => certificateFields(short)).toThrow('it lacks required fields');
    }
    for (const parts of [[], [tbs], [tbs, ...signature.slice(1)]])
      expect(() => certificateFields(sequence(...parts))).toThrow('it is not a certificate');
  });

  it.each<[string, Partial<Fields>, string]>([
    ['serial number', { serial: Buffer.from('0301fb', 'hex') }, 'no INTEGER'],
    ['begin', validity('0500', time('17', '450101000000Z')), 'not a time in the form of X.680'],
    ['end', validity(time('17', '450101000000Z'), time('17', '451301000000Z')), 'no such time'],
    ['extensions', { extensions: Buffer.from('a304' + '3002' + '3000', 'hex') }, 'not an extension'],
  ])('have a %s that cannot be read, with the cause', (name, change, cause) => {
    expect(() => fields(change)).toThrow(
      expect.objectContaining({
        message: `its ${name} cannot be read`,
        cause: expect.objectContaining({ message: cause }) as Error,
      }) as Error,
    );
  });

  it.each(['subject', 'issuer'] as const)('have a name as their %s', (name) => {
    const short = validity(time('17', '2501010000Z'), time('17', '4501010000Z'));
    expect(() => readCertificate(changed(() => ({ ...short, [name]: sequence(sequence()) })))).toThrow(
      expect.objectContaining({
        message: `its ${name} cannot be read`,
        cause: expect.objectContaining({ message: 'not a relative distinguished name' }) as Error,
      }) as Error,
    );
  });

  it('have extensions after the unique identifiers of version 2', () => {
    const identifier = der('81', '00ff');
    const { extensions } = certificateFields(
      changed((others) => ({ extensions: Buffer.concat([Buffer.from(identifier, 'hex'), others.extensions]) })),
    );
    expect(extensions.map(({ oid }) => oid)).toContain('2.5.29.17');
  });

  it('are the bytes that OpenSSL sees', () => {
    const native = new X509Certificate(device.certificateDer);
    const { signed, signature, publicKeyInfo, extensions, ...read } = certificateFields(device.certificateDer);
    expect(publicKeyInfo).toEqual(native.publicKey.export({ format: 'der', type: 'spki' }));
    expect(verify('sha256', signed, createPublicKey(authority.keyPem), signature)).toBe(true);
    expect(read.issuer).not.toEqual(read.subject);
    expect(extensions.map(({ oid }) => oid)).toContain('2.5.29.17');
  });

  it.each([
    ['0101ff', true],
    ['010100', false],
    ['', false],
  ])('have an extension that is critical or not: %j', (critical, is) => {
    const { extensions } = certificateFields(
      changed((others) => withExtensions(others, extension('2a0304', '0500', critical))),
    );
    expect(extensions.at(-1)).toEqual({ oid: '1.2.3.4', critical: is, value: Buffer.from('0500', 'hex') });
  });

  it('without extensions have none, and without a value they cannot be read', () => {
    expect(fields({ extensions: Buffer.alloc(0) }).extensions).toEqual([]);
    const odd = (...parts: readonly string[]) =>
      fields({ extensions: Buffer.from(der('a3', sequence(sequence(...parts)).toString('hex')), 'hex') });
    expect(() => odd(der('06', '2a0304'))).toThrow('its extensions cannot be read');
    expect(() => odd(der('04', '2a0304'), der('04', '0500'))).toThrow('its extensions cannot be read');
  });
});

describe('a serial number', () => {
  it('that only OpenSSL rejects is rejected with its reason', async () => {
    const certificate = changed(() => ({ serial: Buffer.from('02020001', 'hex') }));
    await expect(load({ certificate, privateKey: device.keyPem })).rejects.toMatchObject({
      code: 'CERTIFICATE_MALFORMED',
      message: expect.stringMatching(/^certificate 1 of 1 in \S+ cannot be decoded: .*illegal padding/) as string,
    });
  });

  it('that is negative is rejected with that reason', async () => {
    const certificate = changed(() => ({ serial: Buffer.from('0201fb', 'hex') }));
    expect(readCertificate(certificate)).toMatchObject({ serial: '-5', serialHex: '-05' });
    await expect(load({ certificate, privateKey: device.keyPem })).rejects.toMatchObject({
      code: 'CERTIFICATE_SERIAL_NEGATIVE',
      message: expect.stringContaining('-5') as string,
    });
  });

  it.each([
    ['020100', '0', '00'],
    ['02020080', '128', '80'],
    [`0214${'7f'.repeat(20)}`, BigInt(`0x${'7f'.repeat(20)}`).toString(), '7f'.repeat(20)],
    [`021500${'ff'.repeat(20)}`, BigInt(`0x${'ff'.repeat(20)}`).toString(), 'ff'.repeat(20)],
  ])('%s is %s', (serial, decimal, hexadecimal) => {
    const certificate = changed(() => ({ serial: Buffer.from(serial, 'hex') }));
    expect(readCertificate(certificate)).toMatchObject({ serial: decimal, serialHex: hexadecimal });
  });
});

it('a fingerprint is the one that OpenSSL computes', () => {
  const { fingerprint256 } = new X509Certificate(device.certificateDer);
  expect(readCertificate(device.certificateDer).fingerprint).toBe(fingerprint256.replaceAll(':', '').toLowerCase());
});

describe('alternative names', () => {
  const names = (value: string): Buffer =>
    changed(({ extensions }) => {
      const present = rawElements(readDer(readDer(extensions).content).content);
      const others = present.filter((one) => !one.includes(Buffer.from('0603551d11', 'hex')));
      const all = sequence(...others, extension('551d11', sequence(value).toString('hex')));
      return { extensions: Buffer.from(der('a3', all.toString('hex')), 'hex') };
    });

  it.each([
    ['ediPartyName', der('a5', der('a1', der('0c', '41')))],
    ['x400Address', der('a3', '3000')],
    ['otherName', der('a0', der('06', '2b0601040182371402030a'.slice(0, 20)) + der('a0', der('0c', '41')))],
    ['registeredID', der('88', '2a0304')],
  ])('of the form %s are ignored', async (_, odd) => {
    const certificate = names(der('82', Buffer.from('a.example.com').toString('hex')) + odd);
    expect(readCertificate(certificate).alternativeNames).toEqual([{ type: 'DNS', value: 'a.example.com' }]);
    expect((await load({ certificate, privateKey: device.keyPem })).warnings).toEqual([]);
  });

  it('need not be there', () => {
    expect(readCertificate(authority.certificateDer).alternativeNames).toEqual([]);
  });

  it('of the other forms are read', () => {
    const name = sequence(der('31', sequence(der('06', '550403'), der('0c', '41')).toString('hex'))).toString('hex');
    const uri = der('86', Buffer.from('spiffe://a/b').toString('hex'));
    expect(readCertificate(names(der('a4', name) + der('87', '7f000001') + uri)).alternativeNames).toEqual([
      { type: 'directoryName', name: [{ type: 'CN', value: 'A' }] },
      { type: 'IP', value: '127.0.0.1' },
      { type: 'URI', value: 'spiffe://a/b' },
    ]);
  });
});

describe('extensions', () => {
  it('that are duplicate, or critical and unknown, cause a warning', async () => {
    const certificate = changed((fields) =>
      withExtensions(fields, extension('551d0f', '03020780'), extension('2a0304', '0500', '0101ff')),
    );
    expect(readCertificate(certificate)).toMatchObject({
      duplicateExtensions: ['2.5.29.15'],
      unknownCriticalExtensions: ['1.2.3.4'],
    });
    const { warnings } = await load({ certificate, privateKey: device.keyPem });
    expect(warnings.map(({ code }) => code)).toEqual(['CERTIFICATE_UNUSUAL', 'CERTIFICATE_UNUSUAL']);
  });

  it('of an intermediate are checked too, like SHA-1', async () => {
    const ca = await authority.issue({
      subject: 'CN=Old CA,O=Example PKI',
      ca: true,
      keyUsage: ['keyCertSign'],
      hash: 'SHA-1',
    });
    const issuing = await makeAuthority('Old CA', { keys: { privateKey: ca.privateKey, publicKey: publicKeyOf(ca) } });
    const leaf = await issuing.issue();
    const { warnings } = await load({ certificate: leaf.certificatePem + ca.certificatePem, privateKey: leaf.keyPem });
    expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'INTERMEDIATE_WEAK_SIGNATURE the intermediate CN=Old CA, O=Example PKI is signed with SHA-1',
    ]);
  });

  function publicKeyOf({ certificateDer }: Issued) {
    const { publicKey } = readCertificate(certificateDer);
    if (!publicKey) throw new Error('no public key');
    return publicKey;
  }
});

it('bytes after a certificate are ignored', () => {
  const der = Buffer.concat([device.certificateDer, Buffer.from('00', 'hex')]);
  expect(() => readCertificate(der)).toThrow('1 bytes follow it');
});

describeWith('OpenSSL', hasTool('openssl', 'version'), 'OpenSSL', () => {
  it.each(TIMES)('reads the same end date: %s', (title, fields) => {
    const certificate = changed(() => fields);
    const endDate = (): string => openssl('x509', '-noout', '-enddate', '-in', writeFile(pem(certificate)));
    if (title.endsWith('without seconds') && isStrict()) expect(endDate).toThrow('Command failed');
    else expect(readCertificate(certificate).notAfter).toBe(Date.parse(endDate().replace('notAfter=', '')));
  });

  it('has the same serial number', async () => {
    const leaf = await authority.issue();
    const serial = openssl('x509', '-noout', '-serial', '-in', writeFile(leaf.certificatePem)).trim();
    expect(serial.toLowerCase()).toBe(`serial=${readCertificate(leaf.certificateDer).serialHex}`);
    expect(await codeOf(load({ certificate: leaf.certificatePem }, NOW))).toBe('NO_PRIVATE_KEY');
  });

  /** Since 3.5 it rejects a time without seconds. */
  function isStrict(): boolean {
    const [, major, minor] = /^OpenSSL (\d+)\.(\d+)/.exec(openssl('version')) ?? [];
    return Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 5);
  }

  function openssl(...args: string[]): string {
    return execFileSync('openssl', args, { encoding: 'utf8' });
  }
});
