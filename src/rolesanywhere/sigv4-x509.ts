/**
 * SigV4 with an X.509 certificate in place of a secret key, as described by the "signing process"
 * page of the Roles Anywhere guide. Where that page is vague or wrong (its example hashes an empty
 * body), this follows what the service verifies.
 */
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { amzDate, authorizationHeader, canonicalRequest, type SigningRequest, stringToSign } from './sigv4.ts';

/** Signs the text with the identity's key. */
export type SignText = (text: Buffer) => Promise<Buffer>;

/**
 * The headers to send: the given ones, the date, the certificates, and the Authorization that
 * covers them.
 *
 * @param now - milliseconds since the epoch.
 */
export async function signedHeaders(
  request: SigningRequest,
  identity: SigningIdentity,
  { region, now }: { readonly region: string; readonly now: number },
  sign: SignText,
): Promise<Record<string, string>> {
  const { algorithm, serial } = identity;
  const scope = { region, service: 'rolesanywhere', now };
  const headers = { ...request.headers, 'x-amz-date': amzDate(now), ...certificateHeaders(identity) };
  const text = stringToSign(canonicalRequest({ ...request, headers }), algorithm, scope);
  const signature = await sign(Buffer.from(text));
  return { ...headers, authorization: authorizationHeader({ algorithm, keyId: serial, signature }, headers, scope) };
}

function certificateHeaders({ certificate, chain }: SigningIdentity): Record<string, string> {
  const leaf = { 'x-amz-x509': certificate.toString('base64') };
  if (chain.length === 0) return leaf;
  return { ...leaf, 'x-amz-x509-chain': chain.map((der) => der.toString('base64')).join(',') };
}
