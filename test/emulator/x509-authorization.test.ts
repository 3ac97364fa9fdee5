import { constants, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyKind } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { type Asking, deviceOf, Emulated } from './support/emulated.ts';
import type { HttpRequest } from './support/x509-client.ts';

let emulated: Emulated;
beforeAll(async () => {
  emulated = await Emulated.start();
});
afterAll(() => emulated.stop());

async function expectInvalidSignature(asking: Asking, detail: string): Promise<void> {
  const response = await emulated.createSession(asking);
  expect(response).toMatchObject({ status: 403, headers: { 'x-amzn-errortype': 'AccessDeniedException' } });
  expect(JSON.parse(response.body)).toEqual({ message: 'Invalid signature' });
  expect(response.headers['x-emulator-detail']).toContain(detail);
}

function withHeader(name: string, value: (old: string) => string): (request: HttpRequest) => HttpRequest {
  return (request) => ({
    ...request,
    headers: request.headers.map(([key, old]) => [key, key === name ? value(old) : old] as const),
  });
}

function without(name: string): (request: HttpRequest) => HttpRequest {
  return (request) => ({ ...request, headers: request.headers.filter(([key]) => key !== name) });
}

const MINUTE = 60_000;
const NOW = Date.parse('2026-11-22T12:00:00Z');

describe('Invalid signature', () => {
  it.each<[string, Asking, string]>([
    ['no Authorization', { tamper: without('Authorization') }, 'no Authorization header'],
    ['an Authorization of another kind', { tamper: withHeader('Authorization', () => 'Bearer abc') }, 'not `ALGORITHM'],
    ['a field twice', { tamper: withHeader('Authorization', (old) => `${old}, Signature=00`) }, 'not `ALGORITHM'],
    ['an upper case signature', { tamper: withHeader('Authorization', upperCaseSignature) }, 'not `ALGORITHM'],
    ['no certificate', { tamper: without('X-Amz-X509') }, 'no X-Amz-X509'],
    [
      'two certificates',
      { tamper: (request) => ({ ...request, headers: [...request.headers, ['X-Amz-X509', 'AAAA']] }) },
      'more than one',
    ],
    ['a certificate that is none', { tamper: withHeader('X-Amz-X509', () => 'AAAA') }, 'not a DER certificate'],
    [
      'a certificate in URL-safe base64',
      { tamper: withHeader('X-Amz-X509', (old) => `-${old.slice(1)}`) },
      'standard base64',
    ],
    ['an algorithm for other keys', { algorithm: 'AWS4-X509-RSA-SHA256' }, 'does not fit'],
    ['an unknown algorithm', { algorithm: 'AWS4-X509-ED25519' }, 'is none of'],
    ['an unsigned host', { unsigned: ['host'] }, 'not among SignedHeaders: host'],
    ['an unsigned date', { unsigned: ['x-amz-date'] }, 'not among SignedHeaders: x-amz-date'],
    ['an unsigned certificate', { unsigned: ['x-amz-x509'] }, 'not among SignedHeaders: x-amz-x509'],
    ['a signed header that is missing', { tamper: without('Content-Type') }, 'signed but not sent: content-type'],
    ['the scope of another region', { region: 'eu-west-1' }, "the scope's region is eu-west-1"],
    ['the scope of another service', { service: 'sts' }, "the scope's service is sts"],
    ['the scope of another day', { scopeDate: '20261121' }, "the scope's date 20261121"],
    ['a clock that is behind', { at: NOW - 5 * MINUTE - 1000 }, '301 s behind'],
    ['a clock that is ahead', { at: NOW + 30 * MINUTE }, '1800 s ahead of'],
    ['a serial in hex', { serial: '5a01' }, 'decimal; 5a01 in hex'],
    ['another serial', { serial: '23042' }, 'serial 23042, the certificate 23041'],
  ])('for %s', (_, asking, detail) => expectInvalidSignature(asking, detail));

  it.each<[string, KeyKind, NonNullable<Asking['signer']>]>([
    ['RSA-PSS', 'RSA-2048', (text, key) => sign('sha256', text, { key, padding: constants.RSA_PKCS1_PSS_PADDING })],
    ['IEEE P1363', 'P-256', (text, key) => sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' })],
    ['over SHA-384', 'P-384', (text, key) => sign('sha384', text, key)],
    ['over SHA-512', 'RSA-2048', (text, key) => sign('sha512', text, key)],
    ['over SHA-1', 'RSA-2048', (text, key) => sign('sha1', text, key)],
  ])('for a signature that is %s, with the mistake in the detail', async (name, kind, signer) => {
    const device = await emulated.issue({ keys: kind });
    expect(await emulated.createSession({ device })).toMatchObject({ status: 201 });
    await expectInvalidSignature({ device, signer }, name);
  });

  it('for an unsigned chain', async () => {
    const device = { ...emulated.device, chain: [emulated.authority.certificateDer] };
    expect(await emulated.createSession({ device })).toMatchObject({ status: 201 });
    await expectInvalidSignature({ device, unsigned: ['x-amz-x509-chain'] }, 'x-amz-x509-chain');
  });

  it('for a key that does not match the certificate', async () => {
    const { privateKey } = await emulated.issue({});
    await expectInvalidSignature({ device: { ...emulated.device, privateKey } }, 'does not verify');
  });

  it('not for a clock that is off by less than five minutes', async () => {
    expect(await emulated.createSession({ at: NOW - 5 * MINUTE })).toMatchObject({ status: 201 });
    expect(await emulated.createSession({ at: NOW + 5 * MINUTE })).toMatchObject({ status: 201 });
  });

  it('not for additional headers, signed or not', async () => {
    const headers = [['Amz-Sdk-Request', 'attempt=1;  max=3'] as const, ['User-Agent', 'CredHelper/1.8.0'] as const];
    const collapsed = withHeader('Amz-Sdk-Request', () => 'attempt=1;   max=3');
    expect(await emulated.createSession({ headers, unsigned: ['user-agent', 'amz-sdk-request'] })).toMatchObject({
      status: 201,
    });
    expect(
      await emulated.createSession({ headers: [['Amz-Sdk-Request', 'attempt=1; max=3']], tamper: collapsed }),
    ).toMatchObject({ status: 201 });
  });
});

function upperCaseSignature(authorization: string): string {
  return authorization.replace(/[0-9a-f]+$/, (hex) => hex.toUpperCase());
}

/** A request with a chain, so that it has all signed headers. */
function fullRequest(form: 'query' | 'body'): HttpRequest {
  return emulated.request({ form, device: { ...emulated.device, chain: [emulated.authority.certificateDer] } });
}

/**
 * Flips one bit of the character at `index`. Not bit 5, which may only change the letter case of a
 * %XX, the same URI.
 */
function flipped(text: string, index: number): string {
  const code = text.charCodeAt(index) ^ (1 << (index % 5));
  return text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1);
}

/**
 * Requests that differ from this one in one bit: of every character, or of every 3rd or 31st in
 * long parts.
 */
function* oneBitOff(request: HttpRequest): Generator<HttpRequest> {
  const step = (length: number): number => (length < 100 ? 1 : length < 700 ? 3 : 31);
  const spots = ({ length }: string): number[] =>
    Array.from({ length }, (_, at) => at).filter((at) => at % step(length) === 0);
  for (const part of ['path', 'query', 'body'] as const)
    for (const at of spots(request[part])) yield { ...request, [part]: flipped(request[part], at) };
  for (const [name, value] of request.headers)
    for (const at of spots(value)) yield withHeader(name, (old) => flipped(old, at))(request);
}

describe('a request with one bit changed', () => {
  it.each(['query', 'body'] as const)('is never granted (ARNs in the %s)', async (form) => {
    const request = fullRequest(form);
    expect(await emulated.send(request)).toMatchObject({ status: 201 });
    const granted: HttpRequest[] = [];
    let tried = 0;
    for (const changed of oneBitOff(request)) {
      const { status } = await emulated.send(changed);
      if (status < 400) granted.push(changed);
      tried += 1;
    }
    expect(granted).toEqual([]);
    expect(tried).toBeGreaterThan(300);
  });
});

/** Node supports ML-DSA since OpenSSL 3.5. The types here are those of Node 20. */
function makeMlDsaKeys(): { publicKey: KeyObject; privateKey: KeyObject } | undefined {
  try {
    return generateKeyPairSync('ml-dsa-65' as 'ed25519');
  } catch {
    return undefined;
  }
}

const mlDsaKeys = makeMlDsaKeys();
describeWith('ML-DSA (Node 24)', mlDsaKeys !== undefined, 'AWS4-X509-MLDSA', () => {
  it('succeeds in both forms', async () => {
    if (!mlDsaKeys) throw new Error('described only with keys');
    const issued = await emulated.authority.issue({ keys: mlDsaKeys });
    expect(new X509Certificate(issued.certificateDer).publicKey.asymmetricKeyType).toBe('ml-dsa-65');
    for (const form of ['query', 'body'] as const)
      expect(await emulated.createSession({ device: deviceOf(issued), form })).toMatchObject({ status: 201 });
    await expectInvalidSignature(
      { device: deviceOf(issued), tamper: (request) => ({ ...request, body: '{"durationSeconds":900}' }) },
      'does not verify',
    );
  });
});
