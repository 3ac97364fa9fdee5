/**
 * Signature Version 4 with a secret, in forms that the SDKs here do not send: GET and presigned
 * URLs. Written from the documentation.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Credentials } from './emulated.ts';
import type { HttpRequest } from './x509-client.ts';

export interface HmacChoices {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly host: string;
  readonly region?: string;
  readonly service?: string;
  /** For S3 requests, which name no action. */
  readonly payloadHash?: string;
}

const ACTION = { Action: 'GetCallerIdentity', Version: '2011-06-15' };

/**
 * A GET with its signature in the Authorization header: for STS, or for S3's ListBuckets with the
 * payload hash.
 */
export function signedGet(credentials: Credentials, choices: HmacChoices): HttpRequest {
  const { date, scope } = scopeOf(choices);
  const { payloadHash } = choices;
  const headers: [string, string][] = [
    ['host', choices.host],
    ...(payloadHash === undefined ? [] : [['x-amz-content-sha256', payloadHash] as [string, string]]),
    ['x-amz-date', date],
    ['x-amz-security-token', credentials.sessionToken],
  ];
  const query = payloadHash === undefined ? queryText(ACTION) : '';
  const request = { method: 'GET', path: '/', query, headers, body: '' };
  const names = headers.map(([name]) => name).join(';');
  const signature = signatureOf(request, names, credentials, choices);
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...request, headers: [...headers, ['authorization', authorization]] };
}

/** A GET with its signature in the query, valid for `seconds`. */
export function presignedGet(credentials: Credentials, seconds: number, choices: HmacChoices): HttpRequest {
  const { date, scope } = scopeOf(choices);
  const query = queryText({
    ...ACTION,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': String(seconds),
    'X-Amz-Security-Token': credentials.sessionToken,
    'X-Amz-SignedHeaders': 'host',
  });
  const request = { method: 'GET', path: '/', query, headers: [['host', choices.host] as const], body: '' };
  const signature = signatureOf(request, 'host', credentials, choices);
  return { ...request, query: `${query}&X-Amz-Signature=${signature}` };
}

function scopeOf({ at, region = 'eu-central-1', service = 'sts' }: HmacChoices): { date: string; scope: string } {
  const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
  return { date, scope: `${date.slice(0, 8)}/${region}/${service}/aws4_request` };
}

function signatureOf(request: HttpRequest, names: string, credentials: Credentials, choices: HmacChoices): string {
  const { date, scope } = scopeOf(choices);
  const block = request.headers.map(([name, value]) => `${name}:${value}\n`).join('');
  const canonical = ['GET', '/', request.query, block, names, choices.payloadHash ?? sha256('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  return hmac(key, text).toString('hex');
}

function queryText(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.sort().join('&');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
