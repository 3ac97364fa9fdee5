import { createHash } from 'node:crypto';
import { queryPairs, type WireRequest } from '../wire-request.ts';

interface CanonicalForm {
  /** The query parameter that a presigned URL adds after signing. */
  readonly unsignedQuery?: string | undefined;
  /** The signed hash of the payload. Default: SHA-256 of the body. */
  readonly payloadHash?: string | undefined;
  /** As S3 does. */
  readonly isPathEncodedOnce?: boolean | undefined;
}

/**
 * The canonical request of Signature Version 4, rebuilt from the received request and the caller's
 * SignedHeaders.
 *
 * @returns text whose characters are bytes (latin1), because header values may contain any bytes.
 * @throws URIError if the percent-encoding is invalid.
 */
export function canonicalRequest(
  request: WireRequest,
  signedHeaders: readonly string[],
  { unsignedQuery, payloadHash = sha256Hex(request.body), isPathEncodedOnce = false }: CanonicalForm = {},
): string {
  return [
    request.method,
    isPathEncodedOnce ? pathEncodedOnce(request.path) : canonicalPath(request.path),
    canonicalQuery(request.query, unsignedQuery),
    ...signedHeaders.map((name) => `${name}:${canonicalHeader(request, name)}`),
    '',
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n');
}

export interface StringToSign {
  readonly algorithm: string;
  /** `20261122T155400Z` */
  readonly date: string;
  /** `20261122/eu-west-1/rolesanywhere/aws4_request` */
  readonly scope: string;
  readonly canonical: string;
}

export function stringToSign({ algorithm, date, scope, canonical }: StringToSign): string {
  return [algorithm, date, scope, sha256Hex(Buffer.from(canonical, 'latin1'))].join('\n');
}

/** Every service except S3 encodes the sent path once more. */
function canonicalPath(path: string): string {
  return path.split('/').map(encodeRfc3986).join('/');
}

function pathEncodedOnce(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeRfc3986(decodeURIComponent(segment)))
    .join('/');
}

function canonicalQuery(query: string, unsigned: string | undefined): string {
  return queryPairs(query)
    .filter(([name]) => name !== unsigned)
    .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
    .sort(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function canonicalHeader(request: WireRequest, name: string): string {
  return (request.headers.get(name) ?? []).map((value) => value.trim().replace(/ +/g, ' ')).join(',');
}

/**
 * Unreserved characters stay. Everything else becomes %XX, including the five characters that
 * encodeURIComponent keeps.
 */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** By code point. Both are ASCII here. */
function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

export function sha256Hex(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** `20261122T155400Z` as milliseconds since the epoch; undefined if it is not a valid time. */
export function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour = '', minute = '', second = ''] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** `20261122T155400Z` */
export function amzDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
}
