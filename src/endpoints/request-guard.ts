import type { EndpointErrorCode } from './endpoint-errors.ts';
import type { EndpointRequest, RequestHeaders } from './request.ts';
import { urlHost } from '../foundation/address.ts';

/** `what` is for the log; the client sees the status only. */
export interface GuardRefusal {
  readonly status: 400 | 403;
  readonly code: EndpointErrorCode;
  readonly what: string;
}

/** Undefined: the request may go on to the token. */
export type RequestGuard = (request: EndpointRequest) => GuardRefusal | undefined;

/** Names by which every client may call the endpoint: loopback, and EC2's own addresses where a redirect leads them here. */
const USUAL_NAMES = ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254', '[fd00:ec2::254]'];

/**
 * Keeps web pages and proxies away from the endpoint, whatever token they hold.
 *
 * @param endpoint - `host`: the address to listen on. `allowedHosts`: further names; one with a port (`localhost:8080`, for a
 *   published container port) is taken with that port only.
 */
export function requestGuard(endpoint: {
  readonly host: string;
  readonly allowedHosts: readonly string[];
}): RequestGuard {
  const names = new Set([
    ...USUAL_NAMES,
    hostName(endpoint.host),
    ...endpoint.allowedHosts.map((host) => host.toLowerCase()),
  ]);
  return (request) =>
    browserRefusal(request) ?? targetRefusal(request) ?? hostRefusal(request, names) ?? forwardedRefusal(request);
}

/** Only browsers send these, and only they ask with OPTIONS. `none` is an address typed by the user, who cannot send a token. */
function browserRefusal({ method, headers }: EndpointRequest): GuardRefusal | undefined {
  const site = headers.get('sec-fetch-site');
  const foreign = headers.has('origin') || site?.some((value) => value !== 'none' && value !== 'same-origin');
  if (!foreign && method !== 'OPTIONS') return undefined;
  return {
    status: 403,
    code: 'ENDPOINT_BROWSER_REFUSED',
    what: `a browser's request from ${quoted(headers, 'origin')}`,
  };
}

/** RFC 9112 3.2: the absolute form names a host of its own, for proxies; this is none. */
function targetRefusal({ target }: EndpointRequest): GuardRefusal | undefined {
  if (target.startsWith('/')) return undefined;
  return { status: 400, code: 'ENDPOINT_REQUEST_MALFORMED', what: 'the request target is not a path' };
}

/**
 * The answer to DNS rebinding: a page on `evil.example` that resolves to 127.0.0.1 still names `evil.example`. Compared exactly,
 * with this listener's port or without one (the CRT sends none); other spellings (`127.1`, `localhost.`) are strangers.
 */
function hostRefusal(request: EndpointRequest, names: ReadonlySet<string>): GuardRefusal | undefined {
  const hosts = request.headers.get('host');
  const host = hosts?.[0];
  if (!host || hosts.length > 1) {
    return { status: 400, code: 'ENDPOINT_REQUEST_MALFORMED', what: `${host ? 'more than one' : 'no'} Host header` };
  }
  const asked = host.toLowerCase();
  const name = withoutSuffix(asked, `:${request.local.port}`);
  if (names.has(asked) || names.has(name) || name === hostName(request.local.address)) return undefined;
  return {
    status: 403,
    code: 'ENDPOINT_HOST_REFUSED',
    what: `the Host header ${quoted(request.headers, 'host')} is not this endpoint`,
  };
}

/** As on EC2 (IMDSv2 and open proxies); the empty value counts too. Only a token is asked for with PUT. */
function forwardedRefusal({ method, headers }: EndpointRequest): GuardRefusal | undefined {
  const sign = method === 'PUT' && ['x-forwarded-for', 'forwarded', 'via'].find((name) => headers.has(name));
  if (!sign) return undefined;
  return { status: 403, code: 'ENDPOINT_FORWARDED_REFUSED', what: `a token request with the header ${sign}` };
}

/** An address as a Host header writes it; an IPv4 client on a dual-stack socket appears as `::ffff:127.0.0.1`. */
function hostName(address: string): string {
  const plain = address.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, '');
  return urlHost(plain);
}

function withoutSuffix(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}

/** A stranger's header, fit for a log line and a terminal: Node reads headers as Latin-1, which has a second set of control characters. */
function quoted(headers: RequestHeaders, name: string): string {
  const text = JSON.stringify(headers.get(name)?.[0]?.slice(0, 100) ?? null);
  return text.replace(/[^ -~]/g, (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
