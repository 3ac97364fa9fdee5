// What is recognised in a file, by its first bytes. Certificates and keys are not decoded here, so they are only as long as that needs.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readDer } from '../../src/foundation/der.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { readIdentityContent } from '../../src/identity/identity-content.ts';
import { pem } from '../support/pki.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const CERTIFICATE = bytes('300430003000');
const OTHER = bytes('3006300030000500');
const PKCS8 = bytes('3005' + '020100' + '3000');

const read = (content: Buffer | string, passphrase?: Secret) =>
  readIdentityContent({ path: 'f', content: Buffer.from(content), mode: 0o600, owner: 0 }, passphrase);

const nothing = { path: 'f', certificates: [], keys: [], skipped: [] };

describe('DER', () => {
  it.each([
    ['certificate', CERTIFICATE, { certificates: [CERTIFICATE] }],
    ['public key', bytes('300430000300'), {}],
    ['encrypted-pkcs8', bytes('300430000400'), 'key'],
    ['pkcs8', PKCS8, 'key'],
    ['pkcs1', bytes('3006' + '020100' + '020103'), 'key'],
    ['sec1', bytes('3005' + '020101' + '0400'), 'key'],
  ])('is a %s', async (form, der, more) => {
    const parts = more === 'key' ? { keys: [{ form, der }] } : (more as object);
    expect(await read(der)).toEqual({ ...nothing, found: [form], ...parts });
  });

  it.each([
    ['', 'it is empty'],
    ['30', 'it is cut off'],
    ['3000', 'it has no elements'],
    ['30023000', 'it has one element'],
    ['310430003000', 'it is a SET'],
    ['3004300030', 'it is cut off'],
    ['3005' + '020100' + '0300', 'such a form does not exist'],
    ['300430003100', 'such a form does not exist'],
    ['300431003000', 'such a form does not exist'],
  ])('%j is nothing: %s', async (hex) => {
    await expect(read(bytes(hex))).rejects.toMatchObject({
      code: 'IDENTITY_FILE_UNKNOWN_FORMAT',
      message: expect.stringMatching(/^f is /) as string,
    });
  });

  it.each([
    ['7d', 'neither PEM nor a certificate, key or PKCS#12 in DER'],
    ['7b7d', 'JSON: `jq -r .KEY FILE` extracts the PEM text'],
  ])('in a form that is not read is named: %s', async (hex, what) => {
    await expect(read(bytes(hex))).rejects.toMatchObject({ message: `f is ${what}` });
  });

  it('may be several certificates, and white space after them', async () => {
    const all = { ...nothing, certificates: [CERTIFICATE, OTHER, CERTIFICATE], found: ['certificate'] };
    const three = Buffer.concat(all.certificates);
    expect(await read(three)).toEqual(all);
    expect(await read(Buffer.concat([three, Buffer.from(' \r\n\t')]))).toEqual(all);
  });

  it.each([
    ['a key', PKCS8, 7],
    ['white space and a certificate', Buffer.concat([Buffer.from('\n'), CERTIFICATE]), 7],
    ['half a certificate', CERTIFICATE.subarray(0, 5), 5],
  ])('with %s after a certificate is rejected', async (_, more, length) => {
    await expect(read(Buffer.concat([CERTIFICATE, CERTIFICATE, more]))).rejects.toMatchObject({
      code: 'CERTIFICATE_MALFORMED',
      message: `f: ${length} bytes follow the certificate`,
    });
  });
});

describe('PKCS#12', () => {
  const pkcs12 = readFileSync(new URL('device.p12', import.meta.url));
  const secret = new Secret('geheim');

  it.each(['', '\n', ' \r\n'])('may have white space after it: %j', async (more) => {
    const content = await read(Buffer.concat([pkcs12, Buffer.from(more)]), secret);
    expect(content).toMatchObject({ path: 'f', found: ['PKCS#12'], skipped: [], keys: [{ form: 'pkcs8' }] });
    expect(content.certificates).toHaveLength(1);
  });

  it('may have no length of its own (BER)', async () => {
    const { content } = readDer(pkcs12);
    const indefinite = Buffer.concat([bytes('3080'), content, bytes('0000')]);
    expect((await read(indefinite, secret)).certificates).toHaveLength(1);
  });

  it.each([
    ['is followed by something else', Buffer.concat([pkcs12, Buffer.from('\nx')])],
    ['is cut off', pkcs12.subarray(0, -1)],
  ])('is rejected if it %s', async (_, content) => {
    await expect(read(content, secret)).rejects.toMatchObject({ code: 'PKCS12_UNREADABLE' });
  });
});

describe('PEM', () => {
  const inPem = (...blocks: readonly [string, Buffer][]): string =>
    blocks.map(([label, der]) => pem(der, label)).join('');

  it('has certificates under three labels', async () => {
    const trusted = Buffer.concat([OTHER, bytes('3000')]);
    const text = inPem(
      ['X509 CERTIFICATE', CERTIFICATE],
      ['TRUSTED CERTIFICATE', trusted],
      ['CERTIFICATE', CERTIFICATE],
    );
    expect(await read(text)).toEqual({
      ...nothing,
      certificates: [CERTIFICATE, OTHER, CERTIFICATE],
      found: ['X509 CERTIFICATE', 'TRUSTED CERTIFICATE', 'CERTIFICATE'],
    });
  });

  it('may have several certificates in a block', async () => {
    const both = Buffer.concat([CERTIFICATE, OTHER]);
    const { certificates, found } = await read(inPem(['CERTIFICATE', both], ['CERTIFICATE', CERTIFICATE]));
    expect(certificates).toEqual([CERTIFICATE, OTHER, CERTIFICATE]);
    expect(found).toEqual(['CERTIFICATE']);
  });

  it.each(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'])(
    'has what is called %s and is not one as it is',
    async (label) => {
      expect((await read(inPem([label, PKCS8]))).certificates).toEqual([PKCS8]);
    },
  );

  it.each(['CERTIFICATE', 'TRUSTED CERTIFICATE'])('has a %s that is no DER as it is', async (label) => {
    for (const text of ['abc', ' \n\t']) {
      expect((await read(inPem([label, Buffer.from(text)]))).certificates).toEqual([Buffer.from(text)]);
    }
  });

  it('with bytes after a certificate is rejected with its line', async () => {
    const text = inPem(['CERTIFICATE', CERTIFICATE], ['CERTIFICATE', Buffer.concat([CERTIFICATE, PKCS8])]);
    await expect(read(text)).rejects.toMatchObject({
      code: 'CERTIFICATE_MALFORMED',
      message: 'f: the block CERTIFICATE on line 4: 7 bytes follow the certificate',
    });
  });

  it.each([
    ['PRIVATE KEY', 'pkcs8'],
    ['ENCRYPTED PRIVATE KEY', 'encrypted-pkcs8'],
    ['RSA PRIVATE KEY', 'pkcs1'],
    ['EC PRIVATE KEY', 'sec1'],
    ['TSS2 PRIVATE KEY', 'tss2'],
  ])('has a key under the label %s', async (label, form) => {
    expect(await read(inPem([label, PKCS8]))).toEqual({ ...nothing, keys: [{ form, der: PKCS8 }], found: [label] });
  });

  it.each(['DSA PRIVATE KEY', 'OPENSSH PRIVATE KEY'])('has a %s, which is not read', async (label) => {
    expect(await read(inPem([label, PKCS8]))).toEqual({
      ...nothing,
      keys: [{ form: 'foreign', label }],
      found: [label],
    });
  });

  const headers = '\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n';
  const encrypted = (label: string): string => inPem([label, PKCS8]).replace('\n', headers);

  it.each(['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'])('has a %s that its headers encrypt', async (label) => {
    const text = encrypted(label);
    expect((await read(text)).keys).toEqual([{ form: 'encrypted-pem', pem: text }]);
  });

  it.each([
    ['ENCRYPTED PRIVATE KEY', 'encrypted-pkcs8'],
    ['TSS2 PRIVATE KEY', 'tss2'],
  ])('has a %s that no header encrypts', async (label, form) => {
    expect((await read(encrypted(label))).keys).toEqual([{ form, der: PKCS8 }]);
  });

  it('names what it skips, except parameters of a key', async () => {
    const labels = [
      'EC PARAMETERS',
      'DH PARAMETERS',
      'PUBLIC KEY',
      'X509 CRL',
      'NEW CERTIFICATE',
      'MYPARAMETERS',
      'KEY',
    ];
    expect(await read(inPem(...labels.map((label): [string, Buffer] => [label, PKCS8])))).toEqual({
      ...nothing,
      found: labels,
      skipped: [
        'PUBLIC KEY on line 7',
        'X509 CRL on line 10',
        'NEW CERTIFICATE on line 13',
        'MYPARAMETERS on line 16',
        'KEY on line 19',
      ],
    });
  });

  it.each(['PKCS7', 'PKCS #7 SIGNED DATA', 'CMS', 'PKCS12', 'PFX'])('with %s is rejected', async (label) => {
    await expect(read(inPem(['CERTIFICATE', CERTIFICATE], [label, PKCS8]))).rejects.toMatchObject({
      code: 'IDENTITY_FILE_UNKNOWN_FORMAT',
      message: `f has a ${label} block on line 4, which is not read`,
    });
  });
});
