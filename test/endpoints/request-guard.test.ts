import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestHeaders, type EndpointRequest } from '../../src/endpoints/request.ts';
import { requestGuard } from '../../src/endpoints/request-guard.ts';

const PORT = 9_911;
const guard = requestGuard({ host: '127.0.0.1', allowedHosts: ['imds.internal'] });
const request = (rawHeaders: readonly string[], address = '127.0.0.1'): EndpointRequest => ({
  method: 'GET',
  target: '/',
  headers: requestHeaders(rawHeaders),
  local: { address, port: PORT },
});

/** Written down by hand, so that the guard is not its own judge. */
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

  it('lets in exactly the names of this door', () => {
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

  it('knows the address the client has reached, IPv6 and IPv4 on a dual-stack socket included', () => {
    expect(guard(request(['Host', '[2001:db8::7]:9911'], '2001:db8::7'))).toBeUndefined();
    expect(guard(request(['Host', '192.0.2.7:9911'], '::ffff:192.0.2.7'))).toBeUndefined();
    expect(guard(request(['Host', '192.0.2.8'], '192.0.2.7'))?.status).toBe(403);
  });

  it('writes what a stranger sent into the log only quoted and short', () => {
    const refusal = guard(request(['Host', `"\n${'x'.repeat(8_000)}`]));
    expect(refusal?.what.length).toBeLessThan(200);
    expect(refusal?.what).not.toContain('\n');
  });

  it('writes no control character of any set into the log', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff)), fc.constantFrom('Host', 'Origin'), (codes, name) => {
        const value = String.fromCharCode(...codes);
        expect(guard(request([name, `\x9b2J\u202e${value}`]))?.what).toMatch(/^[ -~]*"\\u009b2J\\u202e[ -~]*$/);
      }),
    );
  });

  it('counts headers by name only, whatever they are called', () => {
    const odd = ['__proto__', 'x', 'constructor', 'y', 'toString', 'z', 'Host', 'localhost'];
    expect(guard(request(odd))).toBeUndefined();
  });
});
