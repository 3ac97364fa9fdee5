/**
 * SigV4 with an X.509 certificate in place of a secret key, as the "signing process" page of the Roles Anywhere guide has it,
 * and where that page is vague or wrong (its example hashes an empty body), as the service demonstrably verifies it.
 */
import { createHash } from 'node:crypto';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { SigningAlgorithm } from '../keys/signing-key.ts';

export interface SigningRequest {
  readonly method: string;
  /** As it goes over the wire, percent-encoded. */
  readonly path: string;
  /** Decoded names and values. */
  readonly query: Readonly<Record<string, string>>;
  /** All are signed; `host` must be among them, with its port where it has one. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Where and when a signature counts. */
export interface SigningScope {
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Signs the text with the identity's key. */
export type SignText = (text: Buffer) => Promise<Buffer>;

/** The headers to send: those given, the date, the certificates, and the Authorization that covers them all. */
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
 * Also the query to send. The guide wants `=` in values encoded twice; neither the AWS helper nor any SDK does, and the service
 * takes theirs.
 */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort()
    .join('&');
}

/** Every service but S3 wants the segments encoded twice; the first time was on the way into the URL. */
export function canonicalPath(sentPath: string): string {
  return sentPath.split('/').map(encodeRfc3986).join('/');
}

/** Unreserved characters stay (RFC 3986 2.3); encodeURIComponent leaves five more. */
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
