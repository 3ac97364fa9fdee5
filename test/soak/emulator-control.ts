import type { CallCount } from '../../src/emulator/control/calls.ts';
import type { Fault } from '../../src/emulator/control/faults.ts';
import { signedGet } from '../emulator/support/hmac-client.ts';
import type { CredentialDocument } from '../support/imds-client.ts';

/** Replaces all faults with one; without one, works again. */
export async function suffer(url: string, fault?: Fault): Promise<void> {
  const body = JSON.stringify(fault ? { createSession: fault } : {});
  const response = await fetch(`${url}/_emulator/faults`, { method: 'PUT', body });
  if (!response.ok) throw new Error(await response.text());
}

export async function createSessionCalls(url: string): Promise<CallCount> {
  const response = await fetch(`${url}/_emulator/calls`);
  return ((await response.json()) as { readonly createSession: CallCount }).createSession;
}

/**
 * The answer of STS to a request signed with the credentials: undefined if it knows all three parts
 * of them.
 */
export async function stsComplaint(url: string, document: CredentialDocument): Promise<string | undefined> {
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = document;
  const credentials = { accessKeyId, secretAccessKey, sessionToken, expiration: document.Expiration };
  const { path, query, headers } = signedGet(credentials, { at: Date.now(), host: new URL(url).host });
  // fetch adds its own, equal Host header.
  const sent = headers.filter(([name]) => name !== 'host').map(([name, value]): [string, string] => [name, value]);
  const response = await fetch(`${url}${path}?${query}`, { headers: sent });
  const text = await response.text();
  return response.ok ? undefined : `STS refuses ${accessKeyId}: ${text.slice(0, 200)}`;
}
