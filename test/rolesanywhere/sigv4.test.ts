import { expect, it } from 'vitest';
import {
  authorizationHeader,
  canonicalRequest,
  encodeRfc3986,
  type SigningRequest,
  type SigningScope,
  stringToSign,
} from '../../src/rolesanywhere/sigv4.ts';

// Examples written out. signing-vectors.test.ts has whole requests, signed by other programs.

const SCOPE: SigningScope = { region: 'us-east-1', service: 'service', now: Date.parse('2015-08-30T12:36:00.789Z') };
const REQUEST: SigningRequest = {
  method: 'GET',
  path: '/',
  query: {},
  headers: { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' },
  body: '',
};

it('the example get-vanilla of the signing test suite of AWS', () => {
  const canonical = [
    'GET',
    '/',
    '',
    'host:example.amazonaws.com',
    'x-amz-date:20150830T123600Z',
    '',
    'host;x-amz-date',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ].join('\n');
  expect(canonicalRequest(REQUEST)).toBe(canonical);
  expect(stringToSign(canonical, 'AWS4-HMAC-SHA256', SCOPE)).toBe(
    [
      'AWS4-HMAC-SHA256',
      '20150830T123600Z',
      '20150830/us-east-1/service/aws4_request',
      'bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63',
    ].join('\n'),
  );
});

it('the header of a signature', () => {
  const signed = { algorithm: 'AWS4-X509-RSA-SHA256', keyId: '291', signature: Buffer.from([0x0a, 0xff]) };
  expect(authorizationHeader(signed, REQUEST.headers, SCOPE)).toBe(
    'AWS4-X509-RSA-SHA256 Credential=291/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=0aff',
  );
});

it('a query is sorted by the encoded name, and headers by the name in lower case', () => {
  const headers = { 'X-B': '  two   words ', 'x-a': '1', 'X-C': '3' };
  const lines = canonicalRequest({ ...REQUEST, query: { b: '2', a: ' /', B: '' }, headers }).split('\n');
  expect(lines.slice(2, 8)).toEqual(['B=&a=%20%2F&b=2', 'x-a:1', 'x-b:two words', 'x-c:3', '', 'x-a;x-b;x-c']);
});

it('the five characters that encodeURIComponent leaves are encoded in upper case', () => {
  expect(encodeRfc3986(`!'()*-._~*`)).toBe('%21%27%28%29%2A-._~%2A');
});
