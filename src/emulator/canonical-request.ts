import { createHash } from 'node:crypto';
import { queryPairs, type WireRequest } from './wire-request.ts';

/**
 * The canonical request of Signature Version 4, rebuilt from what arrived and from the caller's own SignedHeaders list.
 *
 * @param unsignedQuery - the one query parameter that a presigned URL adds after signing.
 * @param payloadHash - what the payload was signed as; by default the SHA-256 of the body.
 * @returns text whose characters are bytes (latin1), as header values may hold any.
 * @throws URIError where the query's percent-encoding is broken.
 */
export function canonicalRequest(
  request: WireRequest,
  signedHeaders: readonly string[],
  {
    unsignedQuery,
    payloadHash = sha256Hex(request.body),
  }: { readonly unsignedQuery?: string | undefined; readonly payloadHash?: string | undefined } = {},
): string {
  return [
    request.method,
    canonicalPath(request.path),
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

/** Every service but S3 encodes the path, as it was sent, once more. */
function canonicalPath(path: string): string {
  return path.split('/').map(encodeRfc3986).join('/');
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

/** Unreserved characters stay; everything else becomes %XX, including the five that encodeURIComponent leaves alone. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** By code point; both are ASCII by now. */
function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

export function sha256Hex(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
