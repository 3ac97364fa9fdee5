/** What an SDK does: token, role name, document. */
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

async function metadataToken(url: string): Promise<string> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' };
  return (await fetch(`${url}/latest/api/token`, { method: 'PUT', headers })).text();
}

export async function readPath(url: string, path: string): Promise<Response> {
  return fetch(`${url}${path}`, { headers: { 'x-aws-ec2-metadata-token': await metadataToken(url) } });
}

export async function readCredentials(url: string): Promise<ImdsReading> {
  const headers = { 'x-aws-ec2-metadata-token': await metadataToken(url) };
  const role = await (await fetch(`${url}${CREDENTIALS}`, { headers })).text();
  const answer = await fetch(`${url}${CREDENTIALS}${role}`, { headers });
  const text = await answer.text();
  return { status: answer.status, document: answer.ok ? (JSON.parse(text) as CredentialDocument) : undefined };
}
