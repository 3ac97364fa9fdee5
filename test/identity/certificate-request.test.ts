// Requests are read and verified by OpenSSL.
import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateRequest, type RequestContent, requestPem } from '../../src/identity/certificate-request.ts';
import { readName } from '../../src/identity/distinguished-name.ts';
import { nameFromText } from '../../src/identity/name-from-text.ts';
import type { SigningAlgorithm } from '../../src/keys/signing-key.ts';
import { verifiedRequest } from '../support/openssl-request.ts';
import { type KeyKind, makeKeys, pem } from '../support/pki.ts';
import { sign } from '../support/signer.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { der, sequence } from './der-writer.ts';

async function requestOf(
  privateKey: KeyObject,
  publicKey: KeyObject,
  subject: string,
  names: readonly string[] = [],
): Promise<string> {
  const algorithm: SigningAlgorithm =
    privateKey.asymmetricKeyType === 'rsa' ? 'AWS4-X509-RSA-SHA256' : 'AWS4-X509-ECDSA-SHA256';
  const content = { subject: nameFromText(subject), alternativeNames: names, publicKey, algorithm };
  const { signal } = new AbortController();
  const request = await certificateRequest(content, (message) =>
    sign({ algorithm, key: { kind: 'file', privateKey } }, message, signal),
  );
  return pem(request, 'CERTIFICATE REQUEST');
}

const ONE = makeKeys('P-256');

async function subjectSeenByOpenssl(subject: string): Promise<string> {
  const request = await requestOf(ONE.privateKey, ONE.publicKey, subject);
  return verifiedRequest(request, '-subject', '-nameopt', 'RFC2253,utf8,-esc_msb').replace(/\n$/, '');
}

describeWith('OpenSSL', hasTool('openssl', 'version'), 'a certification request', () => {
  it.each<KeyKind>(['RSA-2048', 'P-256', 'P-384', 'P-521'])('of %s', async (kind) => {
    const keys = makeKeys(kind);
    const request = await requestOf(keys.privateKey, keys.publicKey, 'CN=device-0001');
    expect(verifiedRequest(request, '-pubkey')).toBe(keys.publicKey.export({ format: 'pem', type: 'spki' }));
  });

  it.each([
    'CN=device-0001',
    'CN=device-0001,OU=Edge,O=Example,L=Rüdesheim,ST=Hessen,C=DE',
    'CN=device-0001,DC=plant\\+7,DC=example,DC=com',
    'UID=4711+CN=device-0001,O=Example',
    'CN=Müller \\"M\\"\\, Sohn,O=世界 🔑',
    'CN=\\#1,O=\\ blank\\ ',
  ])('with the subject %s', async (subject) => {
    expect(await subjectSeenByOpenssl(subject)).toBe(`subject=${subject}`);
  });

  it.each([
    ['cn = device-0001 , o = Example', 'CN=device-0001,O=Example'],
    ['CN="a, b+c",O=Example', 'CN=a\\, b\\+c,O=Example'],
    ['CN=M\\C3\\BCller', 'CN=Müller'],
    ['2.5.4.3=device-0001', 'CN=device-0001'],
    ['CN=#0c03616263', 'CN=abc'],
    ['/C=DE/O=Example/CN=device-0001', 'CN=device-0001,O=Example,C=DE'],
    ['/O=a\\/b/CN=c+serialNumber=5', 'serialNumber=5+CN=c,O=a/b'],
  ])('with the subject written as %s', async (written, subject) => {
    expect(await subjectSeenByOpenssl(written)).toBe(`subject=${subject}`);
  });

  it('encodes a subject as OpenSSL does', () => {
    const subject = '/C=DE/O=Example/CN=device-0001/serialNumber=5/emailAddress=ops@example.com/DC=example';
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
    const args = ['req', '-new', ...newKey, '-utf8', '-subj', subject, '-outform', 'DER'];
    const theirs = execFileSync('openssl', args, { stdio: 'pipe' });
    expect(theirs.includes(nameFromText(subject))).toBe(true);
  });

  it('with alternative names of every kind', async () => {
    const names = [
      'dns:device-0001.example.com',
      '*.example.com',
      'ip:192.0.2.7',
      '2001:db8::7',
      '::ffff:192.0.2.7',
      '1:2:3:4:5:6:7:8',
      'spiffe://example.com/device/1',
      'URI:urn:dev:mac:0024befffe804ff1',
      'ops@example.com',
    ];
    const text = verifiedRequest(await requestOf(ONE.privateKey, ONE.publicKey, 'CN=x', names), '-text');
    expect(text).toContain(
      'DNS:device-0001.example.com, DNS:*.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, ' +
        'IP Address:0:0:0:0:0:FFFF:C000:207, IP Address:1:2:3:4:5:6:7:8, URI:spiffe://example.com/device/1, ' +
        'URI:urn:dev:mac:0024befffe804ff1, email:ops@example.com',
    );
    expect(text).toMatch(/X509v3 Key Usage: critical\s+Digital Signature\n/);
  });
});

describe('a subject', () => {
  it('is read back as it was written', () => {
    expect(readName(nameFromText('CN=a\\,b,O=Example')).attributes).toEqual([
      { type: 'O', value: 'Example' },
      { type: 'CN', value: 'a,b' },
    ]);
  });

  it.each([
    '',
    ' ',
    'device-0001',
    'CN',
    'CN=',
    'CN=a,',
    ',CN=a',
    'CN=a,,O=b',
    'CN=a+,O=b',
    'FOO=a',
    '9.9.9=a',
    '2.999999999999999999999999999.=a',
    'CN="a',
    'CN=a\\',
    'CN=a\\FF',
    'CN=a\0b',
    'CN=#zz',
    'CN=#0c05616263',
    'C=Germany',
    'C=Ü',
    'serialNumber=a_b',
    'emailAddress=ü@example.com',
    '/CN=a//O=b',
    '/',
  ])('is rejected as %j', (subject) => {
    expect(() => nameFromText(subject)).toThrow(expect.objectContaining({ code: 'SUBJECT_MALFORMED' }) as Error);
  });
});

const KEY_USAGE = sequence(der('06', '551d0f'), '0101ff', der('04', '03020780')).toString('hex');
const spki = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' });

/** What is signed, with these GeneralNames in hex. */
function expected(publicKeyInfo: Buffer, names = ''): Buffer {
  const alternative =
    names === '' ? '' : sequence(der('06', '551d11'), der('04', sequence(names).toString('hex'))).toString('hex');
  const requested = der('31', sequence(KEY_USAGE, alternative).toString('hex'));
  const attributes = der('a0', sequence(der('06', '2a864886f70d01090e'), requested).toString('hex'));
  return sequence('020100', nameFromText('CN=x'), publicKeyInfo, attributes);
}

/** A request whose signature is 5 bytes, and what was signed. */
async function requested(more: Partial<RequestContent> = {}) {
  const content = { subject: nameFromText('CN=x'), alternativeNames: [], publicKey: ONE.publicKey, ...more };
  const messages: Buffer[] = [];
  const request = await certificateRequest({ algorithm: 'AWS4-X509-ECDSA-SHA256', ...content }, (message) => {
    messages.push(message);
    return Promise.resolve(Buffer.from('first'));
  });
  return { request, signed: messages[0], messages };
}

describe('the bytes of a request', () => {
  it.each<[SigningAlgorithm, string]>([
    ['AWS4-X509-RSA-SHA256', '06092a864886f70d01010b0500'],
    ['AWS4-X509-ECDSA-SHA256', '06082a8648ce3d040302'],
  ])('are signed once, with %s', async (algorithm, identifier) => {
    const { request, messages } = await requested({ algorithm });
    const signed = expected(spki(ONE.publicKey));
    expect(messages).toEqual([signed]);
    expect(request).toEqual(sequence(signed, sequence(identifier), '0306006669727374'));
  });

  it('of ML-DSA have its algorithm from the key', async () => {
    const info = sequence(sequence(der('06', '608648016503040312')), der('03', '0001'));
    const publicKey = { export: () => info } as unknown as KeyObject;
    const { request } = await requested({ algorithm: 'AWS4-X509-MLDSA', publicKey });
    expect(request).toEqual(sequence(expected(info), sequence(der('06', '608648016503040312')), '0306006669727374'));
  });

  it('have the alternative names of a certificate as they are', async () => {
    const { signed } = await requested({ alternativeNames: sequence('82016182016b') });
    expect(signed).toEqual(expected(spki(ONE.publicKey), '82016182016b'));
  });

  it('are written as PEM', async () => {
    const { request } = await requested();
    expect(requestPem(request)).toBe(pem(request, 'CERTIFICATE REQUEST'));
  });
});

describe('an alternative name', () => {
  const hex = (text: string): string => Buffer.from(text).toString('hex');

  it.each([
    ['a', der('82', hex('a'))],
    ['dns:a', der('82', hex('a'))],
    ['DNS:*.a-b_1.c', der('82', hex('*.a-b_1.c'))],
    [`${'a'.repeat(63)}.b`, der('82', hex(`${'a'.repeat(63)}.b`))],
    [`b.${'a'.repeat(63)}`, der('82', hex(`b.${'a'.repeat(63)}`))],
    ['dns:192.0.2.7', der('82', hex('192.0.2.7'))],
    ['192.0.2.7', '8704c0000207'],
    ['IP:192.0.2.7', '8704c0000207'],
    ['::', `8710${'00'.repeat(16)}`],
    ['ip:::1', `8710${'00'.repeat(15)}01`],
    ['1::', `87100001${'00'.repeat(14)}`],
    ['2001:db8::7:ff0a', `871020010db8${'00'.repeat(8)}0007ff0a`],
    ['1:2:3:4:5:6:7:8', '871000010002000300040005000600070008'],
    ['::ffff:192.0.2.7', `8710${'00'.repeat(10)}ffffc0000207`],
    ['a://b', der('86', hex('a://b'))],
    ['A+b-c.1://x@y~!', der('86', hex('A+b-c.1://x@y~!'))],
    ['uri:urn:a', der('86', hex('urn:a'))],
    ['a@b', der('81', hex('a@b'))],
    ['email:!~?A@b-c.d_1', der('81', hex('!~?A@b-c.d_1'))],
  ])('%s is encoded', async (name, general) => {
    const { signed } = await requested({ alternativeNames: ['first', name] });
    expect(signed).toEqual(expected(spki(ONE.publicKey), der('82', hex('first')) + general));
  });

  it.each([
    ...['', 'a b', 'dns:', 'dns:ü.example', 'a..b', '.a', 'a.', '*', '*.', '**.a', 'a.*.b', 'x*.a', 'a\nb', 'a!'],
    ...['a'.repeat(64), `b.${'a'.repeat(64)}`, `b.${'a'.repeat(64)}.c`, 'other:a', 'xdns:a', 'dns:a\n'],
    ...['ip:', 'ip:1.2.3', 'ip:1.2.3.4.5', 'ip:fe80::1%eth0', 'fe80::1%eth0', 'ip:a'],
    ...['uri:nothing', 'uri:a:', 'uri:1a:b', 'uri::b', 'uri:a:b c', 'uri:a:ü', 'uri:ü:b', 'uri:a_b:c'],
    ...['email:nobody', 'email:@b', 'email:a@', 'email:a b@c', 'email:a@b@c', 'email:ü@b', 'email:a@ü', 'email:a@b c'],
  ])('is rejected as %j', async (name) => {
    await expect(requested({ alternativeNames: [name] })).rejects.toMatchObject({ code: 'SAN_MALFORMED' });
  });
});
