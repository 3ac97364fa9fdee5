/**
 * The possible mistakes in AWS_EC2_METADATA_SERVICE_ENDPOINT. It must be `http://ADDRESS:PORT`; a
 * trailing slash does no harm.
 */
export type EndpointFault = 'no-scheme' | 'not-a-url' | 'https' | 'elsewhere' | 'path';

/** Report the first match, because the same line fixes all of them. */
export function endpointFault(value: string, url: string): EndpointFault | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) return value.trim() === value ? 'no-scheme' : 'not-a-url';
  if (!URL.canParse(value) || !/^https?:/.test(value) || /[?#\s]|:\/\/[^/]*@/.test(value)) return 'not-a-url';
  if (value.startsWith('https:')) return 'https';
  if (!isSameAddress(new URL(value), new URL(url))) return 'elsewhere';
  return /^\/+$/.test(new URL(value).pathname) ? undefined : 'path';
}

/**
 * `localhost` works for every client, and an endpoint on all addresses is reachable at any of them.
 */
export function isSameAddress(asked: URL, endpoint: URL): boolean {
  if ((asked.port || '80') !== (endpoint.port || '80')) return false;
  const loopback = ['localhost', '127.0.0.1', '[::1]'];
  if (['0.0.0.0', '[::]'].includes(endpoint.hostname) || asked.hostname === endpoint.hostname) return true;
  return asked.hostname === 'localhost' && loopback.includes(endpoint.hostname);
}
