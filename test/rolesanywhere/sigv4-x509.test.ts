import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  encodeRfc3986,
  type SigningRequest,
} from '../../src/rolesanywhere/sigv4.ts';
import { signedHeaders } from '../../src/rolesanywhere/sigv4-x509.ts';
import { identity, NOW } from './support.ts';

/** RFC 3986 2.1 and 2.3, byte by byte. */
function encodedByDefinition(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

const text = fc.string({ unit: 'grapheme' });
const headerName = fc.stringMatching(/^x-[a-z0-9-]{1,10}$/);
const headerValue = fc.stringMatching(/^[!-~]+( [!-~]+)*$/);
const request: fc.Arbitrary<SigningRequest> = fc.record({
  method: fc.constant('POST'),
  path: fc.constant('/sessions'),
  query: fc.dictionary(text, text, { maxKeys: 4 }),
  headers: fc.dictionary(headerName, headerValue, { minKeys: 1, maxKeys: 5 }),
  body: text,
});

function reversed<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).reverse());
}

describe('RFC 3986 encoding', () => {
  it('follows the RFC', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(encodeRfc3986(value)).toBe(encodedByDefinition(value));
      }),
    );
  });

  it('encodes an equals sign in a value once, like the AWS helper', () => {
    expect(canonicalQuery({ roleArn: 'role/a=b+c d' })).toBe('roleArn=role%2Fa%3Db%2Bc%20d');
  });

  it('encodes a path segment twice', () => {
    expect(canonicalPath('/sessions')).toBe('/sessions');
    expect(canonicalPath('/team%20a/b:c/sessions')).toBe('/team%2520a/b%3Ac/sessions');
  });
});

describe('the canonical request', () => {
  it('does not depend on order, letter case or padding', () => {
    fc.assert(
      fc.property(request, (given) => {
        const headers = Object.entries(given.headers).map(([name, value]) => [
          name.toUpperCase(),
          `  ${value.replaceAll(' ', '   ')} `,
        ]);
        const other = {
          ...given,
          query: reversed(given.query),
          headers: reversed(Object.fromEntries(headers) as Record<string, string>),
        };
        expect(canonicalRequest(other)).toBe(canonicalRequest(given));
      }),
    );
  });

  it('depends on every part', () => {
    fc.assert(
      fc.property(request, (given) => {
        const changed: SigningRequest[] = [
          { ...given, method: 'PUT' },
          { ...given, path: '/session' },
          { ...given, query: { ...given.query, another: '' } },
          { ...given, headers: { ...given.headers, 'y-another': '' } },
          { ...given, body: `${given.body}.` },
        ];
        expect(new Set([given, ...changed].map(canonicalRequest)).size).toBe(6);
      }),
    );
  });

  it('ends with the signed header names and the hash of the body', () => {
    fc.assert(
      fc.property(request, (given) => {
        const lines = canonicalRequest(given).split('\n');
        expect(lines.at(-1)).toBe(createHash('sha256').update(given.body).digest('hex'));
        expect(lines.at(-2)?.split(';')).toEqual(Object.keys(given.headers).sort());
        expect(lines.at(-3)).toBe('');
      }),
    );
  });
});

describe('the headers of a signed request', () => {
  const signText = (): Promise<Buffer> => Promise.resolve(Buffer.from('signature'));
  const unsigned = { method: 'POST', path: '/sessions', query: {}, headers: { host: 'localhost:1' }, body: '' };

  it('have no chain header without a chain', async () => {
    const headers = await signedHeaders(
      unsigned,
      { ...identity, chain: [] },
      { region: 'eu-central-1', now: NOW },
      signText,
    );
    expect(Object.keys(headers)).toEqual(['host', 'x-amz-date', 'x-amz-x509', 'authorization']);
    expect(headers['authorization']).toContain('/20261122/eu-central-1/rolesanywhere/aws4_request, ');
  });

  it('list a chain with commas and no spaces, and sign it', async () => {
    const chain = [Buffer.from('one'), Buffer.from('two')];
    const headers = await signedHeaders(
      unsigned,
      { ...identity, chain },
      { region: 'eu-central-1', now: NOW },
      signText,
    );
    expect(headers['x-amz-x509-chain']).toBe('b25l,dHdv');
    expect(headers['authorization']).toContain('SignedHeaders=host;x-amz-date;x-amz-x509;x-amz-x509-chain, ');
  });

  it('have whole seconds in the date, for any milliseconds', async () => {
    const headers = await signedHeaders(unsigned, identity, { region: 'eu-central-1', now: NOW + 987 }, signText);
    expect(headers['x-amz-date']).toBe('20261122T120000Z');
  });
});
