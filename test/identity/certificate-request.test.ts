// Requests are read and verified by OpenSSL.
import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateRequest } from '../../src/identity/certificate-request.ts';
import { readName } from '../../src/identity/distinguished-name.ts';
import { nameFromText } from '../../src/identity/name-from-text.ts';
import type { SigningAlgorithm } from '../../src/keys/signing-key.ts';
import { verifiedRequest } from '../support/openssl-request.ts';
import { type KeyKind, makeKeys, pem } from '../support/pki.ts';
import { sign } from '../support/signer.ts';
import { describeWith, hasTool } from '../support/tools.ts';

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

describe('an alternative name', () => {
  it.each(['', 'a b', 'dns:', 'dns:ü.example', 'ip:1.2.3', 'ip:fe80::1%eth0', 'uri:nothing', 'email:nobody', 'a..b'])(
    'is rejected as %j',
    async (name) => {
      await expect(requestOf(ONE.privateKey, ONE.publicKey, 'CN=x', [name])).rejects.toMatchObject({
        code: 'SAN_MALFORMED',
      });
    },
  );
});
