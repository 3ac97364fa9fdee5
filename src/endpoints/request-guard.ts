import { urlHost } from '../foundation/address.ts';
import type { EndpointErrorCode } from './endpoint-errors.ts';
import type { EndpointRequest, RequestHeaders } from './request.ts';

/** `what` is for the log. The client sees only the status. */
export interface GuardRefusal {
  readonly status: 400 | 403;
  readonly code: EndpointErrorCode;
  readonly what: string;
}

/** Undefined: the request may continue. */
export type RequestGuard = (request: EndpointRequest) => GuardRefusal | undefined;

/**
 * Names that every client may use for the endpoint: loopback, and EC2's own addresses, which a
 * redirect may lead here.
 */
const USUAL_NAMES = ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254', '[fd00:ec2::254]'];

/**
 * Keeps web pages and proxies away from the endpoint, even with a valid token.
 *
 * @param endpoint - `host`: the listening address. `allowedHosts`: additional names. A name with a
 * port (`localhost:8080`, for a published container port) is accepted only with that port.
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
  const hostRefusal = hostCheck(names);
  return (request) =>
    browserRefusal(request) ?? targetRefusal(request) ?? hostRefusal(request) ?? forwardedRefusal(request);
}

/**
 * Only browsers send these headers, and only they send OPTIONS. `none` is a typed address, and a
 * user cannot send a token that way.
 */
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

/**
 * RFC 9112 3.2: the absolute form contains its own host and is for proxies, so it is rejected here.
 */
function targetRefusal({ target }: EndpointRequest): GuardRefusal | undefined {
  if (target.startsWith('/')) return undefined;
  return { status: 400, code: 'ENDPOINT_REQUEST_MALFORMED', what: 'the request target is not a path' };
}

/** More spellings than clients use. */
const REMEMBERED_HOSTS = 64;

/**
 * Protects against DNS rebinding: a page on `evil.example` that resolves to 127.0.0.1 still sends
 * `evil.example`. Compared exactly, with this listener's port or without one (the CRT sends none).
 * Other spellings (`127.1`, `localhost.`) are rejected.
 *
 * Remembers what it accepts, because the address of a connection costs a system call.
 */
function hostCheck(names: ReadonlySet<string>): RequestGuard {
  const accepted = new Set<string>();
  return (request) => {
    const hosts = request.headers.get('host');
    const host = hosts?.[0];
    if (!host || hosts.length > 1) {
      return { status: 400, code: 'ENDPOINT_REQUEST_MALFORMED', what: `${host ? 'more than one' : 'no'} Host header` };
    }
    if (accepted.has(host)) return undefined;
    const asked = host.toLowerCase();
    const name = withoutSuffix(asked, `:${request.local.port}`);
    if (names.has(asked) || names.has(name)) {
      if (accepted.size < REMEMBERED_HOSTS) accepted.add(host);
      return undefined;
    }
    if (name === hostName(request.local.address)) return undefined;
    return {
      status: 403,
      code: 'ENDPOINT_HOST_REFUSED',
      what: `the Host header ${quoted(request.headers, 'host')} is not this endpoint`,
    };
  };
}

/** Like EC2 (IMDSv2 and open proxies). The empty value counts too. Only token requests use PUT. */
function forwardedRefusal({ method, headers }: EndpointRequest): GuardRefusal | undefined {
  const sign = method === 'PUT' && ['x-forwarded-for', 'forwarded', 'via'].find((name) => headers.has(name));
  if (!sign) return undefined;
  return { status: 403, code: 'ENDPOINT_FORWARDED_REFUSED', what: `a token request with the header ${sign}` };
}

/**
 * An address in the form of a Host header. An IPv4 client of a dual-stack socket appears as
 * `::ffff:127.0.0.1`.
 */
function hostName(address: string): string {
  const plain = address.toLowerCase().replace(/^::ffff:(?=[\d.]+$)/, '');
  return urlHost(plain);
}

function withoutSuffix(text: string, suffix: string): string {
  return text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
}

/**
 * A client's header, made safe for a log line and a terminal. Node reads headers as Latin-1, which
 * has a second set of control characters.
 */
function quoted(headers: RequestHeaders, name: string): string {
  const text = JSON.stringify(headers.get(name)?.[0]?.slice(0, 100) ?? null);
  return text.replace(/[^ -~]/g, (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
