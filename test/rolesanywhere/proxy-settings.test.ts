import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import type { Environment } from '../../src/foundation/process-environment.ts';
import { proxyFor } from '../../src/rolesanywhere/proxy-settings.ts';

const PROXY = 'http://proxy.example:3128';

function usedFor(target: string, environment: Environment): string {
  try {
    return proxyFor(new URL(target), environment)?.url.href ?? 'none';
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

function usesProxy(target: string, noProxy: string): boolean {
  return usedFor(target, { HTTPS_PROXY: PROXY, NO_PROXY: noProxy }) !== 'none';
}

describe('NO_PROXY', () => {
  // The expectations are those of golang.org/x/net/http/httpproxy.
  it.each([
    ['a name covers itself', 'https://service.example/', 'service.example', false],
    ['a name covers its subdomains', 'https://a.b.service.example/', 'service.example', false],
    ['a name does not cover a name that ends like it', 'https://myservice.example/', 'service.example', true],
    ['a name does not cover its parent', 'https://example/', 'service.example', true],
    ['a leading dot covers subdomains', 'https://a.service.example/', '.service.example', false],
    ['a leading dot does not cover the name itself', 'https://service.example/', '.service.example', true],
    ['a leading star is a leading dot', 'https://a.service.example/', '*.service.example', false],
    ['a leading star does not cover the name itself', 'https://service.example/', '*.service.example', true],
    ['a dot within a name stays', 'https://service.example/', 'serviceexample', true],
    ['upper case', 'https://service.example/', 'SERVICE.Example', false],
    ['a star alone', 'https://service.example/', '*', false],
    ['a star in a list', 'https://service.example/', 'other.example,*', false],
    ['a list with commas', 'https://service.example/', 'other.example,service.example', false],
    ['a list with commas and spaces', 'https://service.example/', ' other.example ,\tservice.example ', false],
    ['empty entries cover nothing', 'https://service.example/', ' , ,', true],
    ['a name ending with a dot has no domain', 'https://service.example./', ',', true],
    ['the same port', 'https://service.example:8443/', 'service.example:8443', false],
    ['another port', 'https://service.example:8443/', 'service.example:443', true],
    ['the default port', 'https://service.example/', 'service.example:443', false],
    ['a port with two digits', 'https://service.example/', 'service.example:44', true],
    ['an address', 'https://192.0.2.1/', '192.0.2.1', false],
    ['another address', 'https://192.0.2.1/', '192.0.2.2', true],
    ['an address with its port', 'https://192.0.2.1:8443/', '192.0.2.1:8443', false],
    ['an address with another port', 'https://192.0.2.1:8443/', '192.0.2.1:443', true],
    ['a range', 'https://192.0.2.1/', '192.0.2.0/24', false],
    ['another range', 'https://192.0.2.1/', '192.0.3.0/24', true],
    ['an IPv6 address', 'https://[2001:db8::1]/', '2001:db8::1', false],
    ['an IPv6 address in brackets', 'https://[2001:db8::1]/', '[2001:db8::1]', false],
    ['an IPv6 address with its port', 'https://[2001:db8::1]:8443/', '[2001:db8::1]:8443', false],
    ['an IPv6 address with another port', 'https://[2001:db8::1]/', '[2001:db8::1]:8443', true],
    ['an IPv6 address that ends like a port', 'https://[2001:db8::2:1]/', '2001:db8::2:1', false],
    ['a port with more behind it', 'https://service.example/', 'service.example:443x', true],
    ['an IPv6 range', 'https://[2001:db8::1]/', '2001:db8::/32', false],
    ['another IPv6 range', 'https://[2001:db8::1]/', '2001:db9::/32', true],
    ['an address is not a domain', 'https://192.0.2.1/', '2.1', true],
  ])('%s: %s, %s', (_, target, noProxy, expected) => {
    expect(usesProxy(target, noProxy)).toBe(expected);
  });

  it('in lower case takes precedence, unless it is empty', () => {
    const target = 'https://service.example/';
    expect(usedFor(target, { https_proxy: PROXY, no_proxy: 'other.example', NO_PROXY: '*' })).toBe(`${PROXY}/`);
    expect(usedFor(target, { https_proxy: PROXY, no_proxy: '', NO_PROXY: '*' })).toBe('none');
    expect(usedFor(target, { https_proxy: PROXY, no_proxy: '*', NO_PROXY: '' })).toBe('none');
  });
});

describe('HTTPS_PROXY', () => {
  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128/'],
    ['https://proxy.example', 'https://proxy.example/'],
    ['proxy.example:3128', 'http://proxy.example:3128/'],
    ['', 'none'],
    ['ftp://proxy.example', 'PROXY_MALFORMED'],
    ['file:///proxy', 'PROXY_MALFORMED'],
    ['http://', 'PROXY_MALFORMED'],
    ['http://socks5:1080', 'http://socks5:1080/'],
    ['http://us%zzer@proxy.example', 'PROXY_MALFORMED'],
    ['http://us%4@proxy.example', 'PROXY_MALFORMED'],
    ['http://user:%4g@proxy.example', 'PROXY_MALFORMED'],
    ['socks5://proxy.example', 'PROXY_SOCKS_UNSUPPORTED'],
    ['SOCKS5h://proxy.example', 'PROXY_SOCKS_UNSUPPORTED'],
    ['xsocks5://proxy.example', 'PROXY_MALFORMED'],
  ])('%s', (HTTPS_PROXY, expected) => {
    expect(usedFor('https://service.example/', { HTTPS_PROXY })).toBe(expected);
  });

  it('keeps user name and password out of the address, and encodes them for the proxy', () => {
    const authorizationOf = (userInfo: string): string | undefined => {
      const proxy = proxyFor(new URL('https://service.example/'), { HTTPS_PROXY: `http://${userInfo}proxy.example` });
      expect(proxy?.url.href).toBe('http://proxy.example/');
      const [scheme, encoded] = proxy?.authorization?.split(' ') ?? [];
      return encoded && `${scheme} ${Buffer.from(encoded, 'base64').toString('latin1')}`;
    };
    expect(authorizationOf('')).toBeUndefined();
    expect(authorizationOf('user@')).toBe('Basic user:');
    expect(authorizationOf(':word@')).toBe('Basic :word');
    expect(authorizationOf('us%40er:%41%4a%4A%e4x@')).toBe('Basic us@er:AJJ\u00e4x');
  });
});
