import { execFileSync } from 'node:child_process';
import { createPrivateKey, verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { createSessionAt } from '../../src/rolesanywhere/create-session.ts';
import type { RoleTarget } from '../../src/rolesanywhere/role-target.ts';
import type { HttpRequest } from '../../src/rolesanywhere/send.ts';
import { canonicalRequest, stringToSign } from '../../src/rolesanywhere/sigv4.ts';
import { sign } from '../support/signer.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { granted, identity as anyIdentity } from './support.ts';

/** The format of scripts/make-signing-vectors.py. */
interface Vector {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly serial: string;
  readonly target: RoleTarget;
  readonly endpoint?: string;
  readonly region: string;
  readonly time: string;
  readonly request: { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly algorithm: SigningIdentity['algorithm'];
  readonly canonicalRequest: string;
  readonly stringToSign: string;
  readonly signature: string;
  readonly authorization: string;
}

const DIRECTORY = path.join(import.meta.dirname, '..', 'vectors', 'sigv4-x509');
const vectors = readdirSync(DIRECTORY).map((file): [string, Vector] => [
  file,
  JSON.parse(readFileSync(path.join(DIRECTORY, file), 'utf8')) as Vector,
]);

function identityOf(vector: Vector): SigningIdentity {
  return {
    ...anyIdentity,
    certificate: Buffer.from(vector.certificate, 'base64'),
    chain: vector.chain.map((der) => Buffer.from(der, 'base64')),
    algorithm: vector.algorithm,
    serial: vector.serial,
    key: { kind: 'file', privateKey: createPrivateKey(vector.privateKey) },
  };
}

function timeOf({ time }: Vector): number {
  return Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
}

async function requestOf(vector: Vector): Promise<HttpRequest> {
  const sent: HttpRequest[] = [];
  const createSession = createSessionAt({
    rolesAnywhere: {
      ...(vector.endpoint !== undefined && { endpoint: vector.endpoint }),
      fips: false,
      dualStack: false,
    },
    clock: new VirtualClock(timeOf(vector)),
    sign,
    send: (request) => {
      sent.push(request);
      return Promise.resolve(granted(new Date(timeOf(vector) + 900_000).toISOString()));
    },
  });
  await createSession(identityOf(vector), vector.target, new AbortController().signal);
  const [request] = sent;
  if (!request) throw new Error('nothing was sent');
  return request;
}

function signatureIn(authorization = ''): string {
  return authorization.slice(authorization.indexOf('Signature=') + 'Signature='.length);
}

it('there are vectors for every key, with and without chain, session name and base path', () => {
  const names = vectors.map(([file]) => file);
  for (const key of ['rsa-2048', 'p-256', 'p-384', 'p-521'])
    for (const variant of ['', '-chain', '-session-name', '-chain-session-name', '-base-path'])
      expect(names).toContain(`${key}${variant}.json`);
});

describe.each(vectors)('%s', (_, vector) => {
  it('is consistent: its serial is the certificate’s, and its signature verifies', () => {
    const certificate = new X509Certificate(Buffer.from(vector.certificate, 'base64'));
    expect(BigInt(`0x${certificate.serialNumber}`).toString()).toBe(vector.serial);
    const signature = Buffer.from(vector.signature, 'hex');
    expect(verify('sha256', Buffer.from(vector.stringToSign), certificate.publicKey, signature)).toBe(true);
  });

  it('has our canonical request and string to sign', () => {
    const { url, headers, body } = vector.request;
    const query = Object.fromEntries(new URL(url).searchParams);
    const request = { method: 'POST', path: new URL(url).pathname, query, headers, body };
    expect(canonicalRequest(request)).toBe(vector.canonicalRequest);
    const scope = { region: vector.region, service: 'rolesanywhere', now: timeOf(vector) };
    expect(stringToSign(vector.canonicalRequest, vector.algorithm, scope)).toBe(vector.stringToSign);
  });

  it('is what CreateSession sends', async () => {
    const { url, method, headers, body } = await requestOf(vector);
    const { authorization, ...others } = headers;
    expect({ url, method, headers: others, body }).toEqual({ ...vector.request, method: 'POST' });
    if (vector.algorithm === 'AWS4-X509-RSA-SHA256') expect(authorization).toBe(vector.authorization);
    const unsigned = vector.authorization.slice(0, -vector.signature.length);
    expect(authorization?.startsWith(unsigned)).toBe(true);
    const signature = Buffer.from(signatureIn(authorization), 'hex');
    expect(verify('sha256', Buffer.from(vector.stringToSign), vector.publicKey, signature)).toBe(true);
  });
});

describeWith('openssl', hasTool('openssl', 'version'), 'OpenSSL verifies', () => {
  function opensslVerify(vector: Vector, signature: string): string {
    const directory = mkdtempSync(path.join(tmpdir(), 'vectors-'));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
    const file = (name: string, content: string | Buffer): string => {
      writeFileSync(path.join(directory, name), content);
      return path.join(directory, name);
    };
    const key = file('key', vector.publicKey);
    const signatureFile = file('signature', Buffer.from(signature, 'hex'));
    return execFileSync('openssl', ['dgst', '-sha256', '-verify', key, '-signature', signatureFile], {
      input: vector.stringToSign,
      encoding: 'utf8',
    });
  }

  it.each(vectors)('accepts our signature and its own for %s', async (_, vector) => {
    const { headers } = await requestOf(vector);
    expect(opensslVerify(vector, signatureIn(headers['authorization']))).toContain('Verified OK');
    expect(opensslVerify(vector, vector.signature)).toContain('Verified OK');
  });
});
