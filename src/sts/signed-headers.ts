import { createHmac } from 'node:crypto';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import {
  amzDate,
  authorizationHeader,
  canonicalRequest,
  type SigningRequest,
  type SigningScope,
  stringToSign,
} from '../rolesanywhere/sigv4.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Of a session, or of a user, which have no token. */
export type SigningKeys = Pick<RoleSession, 'accessKeyId' | 'secretAccessKey'> &
  Partial<Pick<RoleSession, 'sessionToken'>>;

/**
 * Signature Version 4 with secret keys. Returns the headers to send: the given ones, the
 * date, the session token, and the Authorization that covers them.
 */
export function signedHeaders(
  request: SigningRequest,
  { accessKeyId, secretAccessKey, sessionToken }: SigningKeys,
  scope: SigningScope,
): Record<string, string> {
  const token = sessionToken && { 'x-amz-security-token': sessionToken.reveal() };
  const headers = { ...request.headers, 'x-amz-date': amzDate(scope.now), ...token };
  const text = stringToSign(canonicalRequest({ ...request, headers }), ALGORITHM, scope);
  const signature = hmac(signingKey(secretAccessKey.reveal(), scope), text);
  const signed = { algorithm: ALGORITHM, keyId: accessKeyId, signature };
  return { ...headers, authorization: authorizationHeader(signed, headers, scope) };
}

function signingKey(secret: string, { region, service, now }: SigningScope): Buffer {
  const parts = [amzDate(now).slice(0, 8), region, service, 'aws4_request'];
  return parts.reduce<Buffer>(hmac, Buffer.from(`AWS4${secret}`));
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
