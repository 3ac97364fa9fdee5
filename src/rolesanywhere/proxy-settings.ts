import { isIP } from 'node:net';
import { isInRange, isLoopback, plainHost } from '../foundation/address.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/** A proxy, with its secrets separate from its address. */
export interface Proxy {
  /** Without user name and password. */
  readonly url: URL;
  /** Value of Proxy-Authorization. */
  readonly authorization: string | undefined;
}

/**
 * The proxy for a target, from HTTPS_PROXY and NO_PROXY. Lower case takes precedence, as
 * everywhere. Requests to this machine use no proxy, as in Go and the AWS helper. Plain http is
 * only possible to this machine, so HTTP_PROXY has no effect.
 *
 * @throws CodedError PROXY_MALFORMED, PROXY_SOCKS_UNSUPPORTED
 */
export function proxyFor(target: URL, environment: Environment): Proxy | undefined {
  const written = environment['https_proxy'] || environment['HTTPS_PROXY'] || '';
  const noProxy = environment['no_proxy'] || environment['NO_PROXY'] || '';
  if (written === '' || isLoopback(target.hostname) || isExempt(target, noProxy)) return undefined;
  const url = proxyUrl(written);
  const authorization = authorizationOf(url);
  url.username = '';
  url.password = '';
  return { url, authorization };
}

/** `proxy.example:3128` is common. curl and Go use http for it. */
function proxyUrl(written: string): URL {
  const text = written.includes('://') ? written : `http://${written}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol) && isPercentEncoded(url.username + url.password)) return url;
  const socks = /^(socks\w*):/i.exec(text)?.[1];
  if (socks !== undefined)
    throw rolesAnywhereError('PROXY_SOCKS_UNSUPPORTED', `HTTPS_PROXY names a SOCKS proxy (${socks}://)`);
  // The value may contain a password.
  throw rolesAnywhereError('PROXY_MALFORMED', 'HTTPS_PROXY is not the URL of an http or https proxy');
}

function isPercentEncoded(text: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(text);
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.concat([decoded(username), Buffer.from(':'), decoded(password)]).toString('base64')}`;
}

/**
 * Keeps the original bytes. RFC 3986 2.5: older programs encode Latin-1, and only the proxy knows
 * its encoding.
 */
function decoded(encoded: string): Buffer {
  const bytes = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1');
}

/**
 * Matches like Go: a name covers itself and its subdomains, a leading dot only subdomains. Also
 * addresses, CIDR and `*`.
 */
function isExempt(target: URL, noProxy: string): boolean {
  const port = target.port || '443';
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || covers(entry, target.hostname, port));
}

function covers(entry: string, hostname: string, port: string): boolean {
  const { name = entry, onPort } = /^(?<name>\[.+\]|[^:]+):(?<onPort>\d+)$/.exec(entry)?.groups ?? {};
  if (onPort !== undefined && onPort !== port) return false;
  const address = plainHost(hostname);
  if (isIP(address)) return isInRange(address, plainHost(name));
  const domain = name.replace(/^\*?\./, '');
  return hostname.endsWith(`.${domain}`) || (hostname === domain && domain === name);
}
