/** Any call signed with Signature Version 4, written from the documentation. */
import { createHash, createHmac } from 'node:crypto';
import type { Credentials } from './emulated.ts';
import type { HttpRequest } from './x509-client.ts';

export interface CallToSign {
  readonly service: string;
  readonly method?: string;
  readonly path?: string;
  /** Name and value pairs, encoded. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of S3, if it is not the hash of the body. */
  readonly payloadHash?: string;
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export function signedCall(credentials: Credentials, call: CallToSign): HttpRequest {
  const { service, method = 'POST', path = '/', query = '', body = '', host, at } = call;
  const hash = call.payloadHash ?? sha256(body);
  const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/eu-central-1/${service}/aws4_request`;
  const headers = Object.entries({
    host,
    'x-amz-date': date,
    'x-amz-security-token': credentials.sessionToken,
    ...(service === 's3' && { 'x-amz-content-sha256': hash }),
    ...call.headers,
  }).sort(([left], [right]) => (left < right ? -1 : 1));
  const names = headers.map(([name]) => name).join(';');
  const block = headers.map(([name, value]) => `${name}:${value}\n`).join('');
  const canonicalPath = service === 's3' ? path : path.split('/').map(encodeURIComponent).join('/');
  const canonicalQuery =
    query === ''
      ? ''
      : query
          .split('&')
          .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
          .sort()
          .join('&');
  const canonical = [method, canonicalPath, canonicalQuery, block, names, hash].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${credentials.secretAccessKey}`);
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${hmac(key, text).toString('hex')}`;
  return { method, path, query, headers: [...headers, ['authorization', authorization]], body };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
