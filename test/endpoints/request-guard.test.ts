import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EndpointRequest, requestHeaders } from '../../src/endpoints/request.ts';
import { type GuardRefusal, requestGuard } from '../../src/endpoints/request-guard.ts';

const PORT = 9_911;
const guard = requestGuard({ host: '127.0.0.1', allowedHosts: ['imds.internal'] });
const request = (rawHeaders: readonly string[], address = '127.0.0.1'): EndpointRequest => ({
  method: 'GET',
  target: '/',
  headers: requestHeaders(rawHeaders),
  local: { address, port: PORT },
});

const browser = (origin: string): GuardRefusal => ({
  status: 403,
  code: 'ENDPOINT_BROWSER_REFUSED',
  what: `a browser's request from ${origin}`,
});
const malformed = (what: string): GuardRefusal => ({ status: 400, code: 'ENDPOINT_REQUEST_MALFORMED', what });

/** Written down by hand, so that the guard does not check itself. */
const WELCOME = new Set(
  ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254', '[fd00:ec2::254]', 'imds.internal'].flatMap((name) => [
    name,
    `${name}:9911`,
  ]),
);

describe('the request guard', () => {
  const nearMiss = fc
    .tuple(fc.constantFrom(...WELCOME), fc.string({ minLength: 1, maxLength: 3 }), fc.nat(30))
    .map(([name, extra, at]) => name.slice(0, at) + extra + name.slice(at));

  it('accepts exactly the names of this endpoint', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6(), nearMiss, fc.constantFrom(...WELCOME)),
        (host) => {
          expect(guard(request(['Host', host])) === undefined).toBe(WELCOME.has(host.toLowerCase()));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('accepts the address that the client connected to, also on a dual-stack socket', () => {
    expect(guard(request(['Host', '[2001:db8::7]:9911'], '2001:db8::7'))).toBeUndefined();
    expect(guard(request(['Host', '192.0.2.7:9911'], '::ffff:192.0.2.7'))).toBeUndefined();
    expect(guard(request(['Host', '192.0.2.8'], '192.0.2.7'))?.status).toBe(403);
  });

  it('logs a rejected value only quoted and shortened', () => {
    const refusal = guard(request(['Host', `"\n${'x'.repeat(8_000)}`]));
    expect(refusal?.what.length).toBeLessThan(200);
    expect(refusal?.what).not.toContain('\n');
  });

  it('logs no control character', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff)), fc.constantFrom('Host', 'Origin'), (codes, name) => {
        const value = String.fromCharCode(...codes);
        expect(guard(request([name, `\x9b2J\u202e${value}`]))?.what).toMatch(/^[ -~]*"\\u009b2J\\u202e[ -~]*$/);
      }),
    );
  });

  it.each<[string, Partial<EndpointRequest>, readonly string[], GuardRefusal | undefined]>([
    ['an address typed into a browser', {}, ['Sec-Fetch-Site', 'none'], undefined],
    ['a page of this endpoint', {}, ['Sec-Fetch-Site', 'same-origin'], undefined],
    ['an agent that forwards a read', {}, ['X-Forwarded-For', '10.0.0.1'], undefined],
    ['a token request', { method: 'PUT' }, [], undefined],
    ['a page of another site', {}, ['Sec-Fetch-Site', 'cross-site'], browser('null')],
    ['one of two pages', {}, ['Sec-Fetch-Site', 'none', 'Sec-Fetch-Site', 'same-site'], browser('null')],
    ['a script of a page', {}, ['Origin', 'http://evil.example'], browser('"http://evil.example"')],
    ['a preflight', { method: 'OPTIONS' }, [], browser('null')],
    ['a proxy request', { target: 'http://localhost/' }, [], malformed('the request target is not a path')],
    ['a second Host', {}, ['Host', 'localhost'], malformed('more than one Host header')],
    ...['X-Forwarded-For', 'Forwarded', 'Via'].map(
      (name): [string, Partial<EndpointRequest>, string[], GuardRefusal] => [
        `a token request with an empty ${name}`,
        { method: 'PUT' },
        [name, ''],
        {
          status: 403,
          code: 'ENDPOINT_FORWARDED_REFUSED',
          what: `a token request with the header ${name.toLowerCase()}`,
        },
      ],
    ),
  ])('%s', (_, changes, headers, expected) => {
    expect(guard({ ...request(['Host', 'localhost', ...headers]), ...changes })).toEqual(expected);
  });

  it.each(['', undefined])('rejects a Host header of %j', (host) => {
    expect(guard(request(host === undefined ? [] : ['Host', host]))).toEqual(malformed('no Host header'));
  });

  it('logs at most 100 characters of a rejected host', () => {
    const what = `the Host header "${'x'.repeat(100)}" is not this endpoint`;
    expect(guard(request(['Host', 'x'.repeat(101)]))).toEqual({ status: 403, code: 'ENDPOINT_HOST_REFUSED', what });
  });

  it('accepts its own address, and names in any case', () => {
    const other = requestGuard({ host: '2001:DB8::7', allowedHosts: ['IMDS.internal:8080'] });
    expect(other(request(['Host', '[2001:db8::7]']))).toBeUndefined();
    expect(other(request(['Host', 'imds.internal:8080']))).toBeUndefined();
    expect(other(request(['Host', '127.0.0.1']))).toBeUndefined();
    expect(other(request(['Host', 'imds.internal']))?.status).toBe(403);
    expect(guard(request(['Host', '192.0.2.7'], '::ffff:192.0.2.7'))).toBeUndefined();
    expect(guard(request(['Host', '[::ffff:192.0.2.7]'], '::ffff:192.0.2.7'))?.status).toBe(403);
  });

  it('counts headers with any name', () => {
    const odd = ['__proto__', 'x', 'constructor', 'y', 'toString', 'z', 'Host', 'localhost'];
    expect(guard(request(odd))).toBeUndefined();
  });
});
