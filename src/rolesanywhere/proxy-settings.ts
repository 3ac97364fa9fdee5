import { isLoopback } from './loopback.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ProxySettings {
  /** URL of the proxy; empty for none. */
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/**
 * HTTPS_PROXY and NO_PROXY, the lower case first as everywhere. A request to this machine takes no proxy, as in Go and so in
 * the AWS helper; that leaves plain http out altogether, and with it HTTP_PROXY.
 *
 * @throws CodedError PROXY_MALFORMED
 */
export function proxySettings(target: URL, environment: Environment): ProxySettings {
  const written = environment['https_proxy'] || environment['HTTPS_PROXY'] || '';
  const noProxy = environment['no_proxy'] || environment['NO_PROXY'] || '';
  if (written === '' || isLoopback(target.hostname)) return { httpsProxy: '', noProxy };
  return { httpsProxy: proxyUrl(written).href, noProxy };
}

/** `scheme://host:port`, without what must not be printed. */
export function proxyOrigin({ httpsProxy }: ProxySettings): string | undefined {
  return httpsProxy === '' ? undefined : `${new URL(httpsProxy).protocol}//${new URL(httpsProxy).host}`;
}

/** `proxy.example:3128` is common, and taken for http by curl and Go. */
function proxyUrl(written: string): URL {
  const text = written.includes('://') ? written : `http://${written}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol) && isPercentEncoded(url.username + url.password)) return url;
  // The value may hold a password.
  throw rolesAnywhereError('PROXY_MALFORMED', 'HTTPS_PROXY is not the URL of an http or https proxy');
}

/** undici decodes user name and password, and throws on a bare `%`. */
function isPercentEncoded(text: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(text);
}
