/**
 * SigV4 with an X.509 certificate in place of a secret key, as described by the "signing process"
 * page of the Roles Anywhere guide. Where that page is vague or wrong (its example hashes an empty
 * body), this follows what the service verifies.
 */
import { createHash } from 'node:crypto';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { SigningAlgorithm } from '../keys/signing-key.ts';

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
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Signs the text with the identity's key. */
export type SignText = (text: Buffer) => Promise<Buffer>;

/**
 * The headers to send: the given ones, the date, the certificates, and the Authorization that
 * covers them.
 */
export async function signedHeaders(
  request: SigningRequest,
  identity: SigningIdentity,
  scope: SigningScope,
  sign: SignText,
): Promise<Record<string, string>> {
  const headers = { ...request.headers, 'x-amz-date': amzDate(scope.now), ...certificateHeaders(identity) };
  const text = stringToSign(canonicalRequest({ ...request, headers }), identity, scope);
  const signature = await sign(Buffer.from(text));
  const authorization = [
    `${identity.algorithm} Credential=${identity.serial}/${credentialScope(scope)}`,
    `SignedHeaders=${headerNames(headers)}`,
    `Signature=${signature.toString('hex')}`,
  ].join(', ');
  return { ...headers, authorization };
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

export function stringToSign(
  canonical: string,
  { algorithm }: { readonly algorithm: SigningAlgorithm },
  scope: SigningScope,
): string {
  return [algorithm, amzDate(scope.now), credentialScope(scope), sha256(canonical)].join('\n');
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

function certificateHeaders({ certificate, chain }: SigningIdentity): Record<string, string> {
  const leaf = { 'x-amz-x509': certificate.toString('base64') };
  if (chain.length === 0) return leaf;
  return { ...leaf, 'x-amz-x509-chain': chain.map((der) => der.toString('base64')).join(',') };
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

function credentialScope({ region, now }: SigningScope): string {
  return `${amzDate(now).slice(0, 8)}/${region}/rolesanywhere/aws4_request`;
}

/** `20261122T120000Z` */
function amzDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
