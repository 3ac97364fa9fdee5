/** The requests of an SDK: token, role name, document. */
export interface CredentialDocument {
  readonly Code: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: string;
}

export interface ImdsReading {
  readonly status: number;
  readonly document: CredentialDocument | undefined;
}

const CREDENTIALS = '/latest/meta-data/iam/security-credentials/';

/**
 * Uses a new connection for each request. An endpoint that moves or restarts closes idle
 * connections. SDKs then repeat the request; `fetch` does not.
 */
const UNSHARED = { connection: 'close' };

async function metadataToken(url: string): Promise<string> {
  const headers = { ...UNSHARED, 'x-aws-ec2-metadata-token-ttl-seconds': '21600' };
  return (await fetch(`${url}/latest/api/token`, { method: 'PUT', headers })).text();
}

async function headersWithToken(url: string): Promise<Record<string, string>> {
  return { ...UNSHARED, 'x-aws-ec2-metadata-token': await metadataToken(url) };
}

export async function readPath(url: string, path: string): Promise<Response> {
  return fetch(`${url}${path}`, { headers: await headersWithToken(url) });
}

export async function readCredentials(url: string): Promise<ImdsReading> {
  const headers = await headersWithToken(url);
  const role = await (await fetch(`${url}${CREDENTIALS}`, { headers })).text();
  const answer = await fetch(`${url}${CREDENTIALS}${role}`, { headers });
  const text = await answer.text();
  return { status: answer.status, document: answer.ok ? (JSON.parse(text) as CredentialDocument) : undefined };
}
