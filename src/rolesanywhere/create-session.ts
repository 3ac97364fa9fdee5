import type { RolesAnywhereConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { Signer } from '../keys/signer.ts';
import { endpointOf, sessionsUrl } from './endpoint.ts';
import { exchange } from './exchange.ts';
import type { ExchangeFailure } from './exchange-failure.ts';
import { withLikelyCause } from './likely-cause.ts';
import { refusalOf } from './refusal.ts';
import type { RoleSession } from './role-session.ts';
import { checkedTrustAnchor, type RoleTarget } from './role-target.ts';
import type { HttpAnswer, HttpRequest, Send } from './send.ts';
import { sessionFrom } from './session-answer.ts';
import { canonicalQuery } from './sigv4.ts';
import { signedHeaders, type SignText } from './sigv4-x509.ts';

export interface CreateSessionOptions {
  readonly rolesAnywhere: Pick<RolesAnywhereConfig, 'endpoint' | 'fips' | 'dualStack'>;
  readonly clock: Clock;
  readonly sign: Signer;
  readonly send: Send;
}

/** Exchanges an identity for a role session. Rejects only with an ExchangeFailure. */
export type CreateRoleSession = (
  identity: SigningIdentity,
  role: RoleTarget,
  signal: AbortSignal,
) => Promise<RoleSession>;

/**
 * Calls CreateSession at the endpoint of the configuration or the trust anchor. Each call sends one
 * request, without retries.
 */
export function createSessionAt({ rolesAnywhere, clock, sign, send }: CreateSessionOptions): CreateRoleSession {
  return (identity, role, signal) => {
    const signText: SignText = (text) => sign(identity, text, signal);
    const request = (now: number): Promise<HttpRequest> => signedRequest(rolesAnywhere, identity, role, now, signText);
    const refusal = (answer: HttpAnswer, now: number): ExchangeFailure =>
      withLikelyCause(refusalOf(answer, now), { identity, role, now });
    return exchange({ request, session: sessionFrom, refusal }, { clock, send }, signal);
  };
}

/** The same form as the AWS helper: ARNs in the query, the rest as JSON. */
async function signedRequest(
  rolesAnywhere: CreateSessionOptions['rolesAnywhere'],
  identity: SigningIdentity,
  role: RoleTarget,
  now: number,
  sign: SignText,
): Promise<HttpRequest> {
  const trustAnchor = checkedTrustAnchor(role);
  const url = sessionsUrl(endpointOf(rolesAnywhere, role), trustAnchor);
  const { profileArn, roleArn, trustAnchorArn, sessionDuration: durationSeconds, roleSessionName } = role;
  const query = { profileArn, roleArn, trustAnchorArn };
  const body = JSON.stringify({ durationSeconds, roleSessionName });
  const unsigned = { 'content-type': 'application/json', host: url.host };
  const unsignedRequest = { method: 'POST', path: url.pathname, query, headers: unsigned, body };
  const headers = await signedHeaders(unsignedRequest, identity, { region: trustAnchor.region, now }, sign);
  return { url: `${url.href}?${canonicalQuery(query)}`, method: 'POST', headers, body };
}
