/**
 * The part of Signature Version 4 that does not depend on the kind of key: shared by CreateSession,
 * which an X.509 key signs, and AssumeRole, which a secret access key signs.
 */
import { createHash } from 'node:crypto';

export interface SigningRequest {
  readonly method: string;
  /** Percent-encoded, as sent. */
  readonly path: string;
  /** Decoded names and values. */
  readonly query: Readonly<Record<string, string>>;
  /** All are signed. `host` is required, with its port if it has one. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The scope and time of a signature. */
export interface SigningScope {
  readonly region: string;
  readonly service: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export function canonicalRequest({ method, path, query, headers, body }: SigningRequest): string {
  return [
    method,
    canonicalPath(path),
    canonicalQuery(query),
    ...sortedHeaders(headers).map(([name, value]) => `${name}:${value}`),
    '',
    headerNames(headers),
    sha256(body),
  ].join('\n');
}

export function stringToSign(canonical: string, algorithm: string, scope: SigningScope): string {
  return [algorithm, amzDate(scope.now), credentialScope(scope), sha256(canonical)].join('\n');
}

export function authorizationHeader(
  { algorithm, keyId, signature }: { readonly algorithm: string; readonly keyId: string; readonly signature: Buffer },
  headers: Readonly<Record<string, string>>,
  scope: SigningScope,
): string {
  return [
    `${algorithm} Credential=${keyId}/${credentialScope(scope)}`,
    `SignedHeaders=${headerNames(headers)}`,
    `Signature=${signature.toString('hex')}`,
  ].join(', ');
}

/**
 * Also the query to send. The guide encodes `=` in values twice. Neither the AWS helper nor any SDK
 * does, and the service accepts theirs.
 */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort()
    .join('&');
}

/** Every service except S3 requires segments encoded twice. The URL has the first encoding. */
export function canonicalPath(sentPath: string): string {
  return sentPath.split('/').map(encodeRfc3986).join('/');
}

/** Only unreserved characters stay unencoded (RFC 3986 2.3). encodeURIComponent leaves five more. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sortedHeaders(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers)
    .map(([name, value]): [string, string] => [name.toLowerCase(), value.trim().replace(/ +/g, ' ')])
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

function headerNames(headers: Readonly<Record<string, string>>): string {
  return sortedHeaders(headers)
    .map(([name]) => name)
    .join(';');
}

function credentialScope({ region, service, now }: SigningScope): string {
  return `${amzDate(now).slice(0, 8)}/${region}/${service}/aws4_request`;
}

/** `20261122T120000Z` */
export function amzDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
