/**
 * A Roles Anywhere client written only from the documentation (User Guide, "signing process"), to
 * verify the emulator. It shares no code with the emulator or the product's client. Tests can
 * change its requests before and after signing.
 */
import { createHash, type KeyObject, sign, X509Certificate } from 'node:crypto';

export interface Device {
  readonly certificate: Buffer;
  readonly privateKey: KeyObject;
  readonly chain?: readonly Buffer[];
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Where the AWS helper (`query`) and AWS's Python package (`body`) put the parameters. */
export type WireForm = 'query' | 'body';

export type Parameters = Readonly<Record<string, unknown>>;

export interface SigningChoices {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly region?: string;
  readonly service?: string;
  readonly algorithm?: string;
  readonly serial?: string;
  readonly scopeDate?: string;
  /** Left out of SignedHeaders. */
  readonly unsigned?: readonly string[];
  readonly pathToSign?: string;
  /** Joins the fields of Authorization. */
  readonly separator?: string;
  /** Replaces the signing function. */
  readonly signer?: (text: Buffer, key: KeyObject) => Buffer;
}

export function createSessionRequest(parameters: Parameters, form: WireForm, path = '/sessions'): HttpRequest {
  const inQuery = (name: string): boolean => form === 'query' && name.endsWith('Arn');
  const entries = Object.entries(parameters);
  const query = entries
    .filter(([name]) => inQuery(name))
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .sort();
  return {
    method: 'POST',
    path,
    query: query.join('&'),
    headers: [['Content-Type', form === 'query' ? 'application/json' : 'application/x-amz-json-1.0']],
    body: JSON.stringify(Object.fromEntries(entries.filter(([name]) => !inQuery(name)))),
  };
}

/** Adds host, date and certificate headers, and the Authorization over them. */
export function signX509(request: HttpRequest, device: Device, host: string, choices: SigningChoices): HttpRequest {
  const date = new Date(choices.at).toISOString().replace(/[-:]|\.\d+/g, '');
  const chain = device.chain?.map((der) => der.toString('base64')).join(',');
  const headers = [
    ...request.headers,
    ['Host', host] as const,
    ['X-Amz-Date', date] as const,
    ['X-Amz-X509', device.certificate.toString('base64')] as const,
    ...(chain === undefined ? [] : [['X-Amz-X509-Chain', chain] as const]),
  ];
  return {
    ...request,
    headers: [...headers, ['Authorization', authorization({ ...request, headers }, device, date, choices)]],
  };
}

function authorization(request: HttpRequest, device: Device, date: string, choices: SigningChoices): string {
  const { region = 'eu-central-1', service = 'rolesanywhere', unsigned = [], separator = ', ' } = choices;
  const algorithm = choices.algorithm ?? algorithmOf(device.privateKey);
  const scope = `${choices.scopeDate ?? date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const lines = request.headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !unsigned.includes(name))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  const signedHeaders = lines.map(([name]) => name).join(';');
  const block = lines.map(([name, value]) => `${name}:${value}\n`).join('');
  const path = choices.pathToSign ?? request.path;
  const canonical = [request.method, path, request.query, block, signedHeaders, hash(request.body)].join('\n');
  const text = Buffer.from([algorithm, date, scope, hash(canonical)].join('\n'));
  const plain = (data: Buffer, key: KeyObject): Buffer =>
    sign(algorithm.endsWith('MLDSA') ? null : 'sha256', data, key);
  const signature = (choices.signer ?? plain)(text, device.privateKey).toString('hex');
  const serial = choices.serial ?? BigInt(`0x${new X509Certificate(device.certificate).serialNumber}`).toString();
  const fields = [`Credential=${serial}/${scope}`, `SignedHeaders=${signedHeaders}`, `Signature=${signature}`];
  return `${algorithm} ${fields.join(separator)}`;
}

function algorithmOf({ asymmetricKeyType }: KeyObject): string {
  if (asymmetricKeyType === 'rsa') return 'AWS4-X509-RSA-SHA256';
  return asymmetricKeyType === 'ec' ? 'AWS4-X509-ECDSA-SHA256' : 'AWS4-X509-MLDSA';
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The bytes on the wire; each character is a byte. */
export function bytesOf({ method, path, query, headers, body }: HttpRequest): Buffer {
  const target = query === '' ? path : `${path}?${query}`;
  const length = ['Content-Length', String(Buffer.byteLength(body, 'latin1'))] as const;
  const lines = [...headers, length].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n${body}`, 'latin1');
}
