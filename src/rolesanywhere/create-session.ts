import type { RolesAnywhereConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { KeyFailure } from '../keys/key-errors.ts';
import type { Signer } from '../keys/signer.ts';
import { clockError } from './clock-offset.ts';
import { sessionsUrl } from './endpoint.ts';
import { ExchangeFailure, type Retry } from './exchange-failure.ts';
import { refusalOf } from './refusal.ts';
import type { RoleSession } from './role-session.ts';
import { checkedTrustAnchor, type RoleTarget } from './role-target.ts';
import { type HttpAnswer, type HttpRequest, requestIdOf, type Send } from './send.ts';
import { sessionFrom } from './session-answer.ts';
import { canonicalQuery, signedHeaders, type SignText } from './sigv4-x509.ts';

export interface CreateSessionOptions {
  readonly rolesAnywhere: Pick<RolesAnywhereConfig, 'endpoint' | 'fips' | 'dualStack'>;
  readonly clock: Clock;
  readonly sign: Signer;
  readonly send: Send;
}

/** Exchanges an identity for a role session. Rejects only with an {@link ExchangeFailure}. */
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
  return async (identity, role, signal) => {
    const signText: SignText = (text) => sign(identity, text, signal);
    // 'slow': a problem before anything was sent needs a change by people. 'soon': the network and
    // the service recover by themselves.
    const request = await failing('slow', () => signedRequest(rolesAnywhere, identity, role, clock.now(), signText));
    const answer = await failing('soon', () => send(request, signal));
    return readAnswer(answer, clock.now());
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
  const url = sessionsUrl(rolesAnywhere, trustAnchor);
  const { profileArn, roleArn, trustAnchorArn, sessionDuration: durationSeconds, roleSessionName } = role;
  const query = { profileArn, roleArn, trustAnchorArn };
  const body = JSON.stringify({ durationSeconds, ...(roleSessionName !== undefined && { roleSessionName }) });
  const unsigned = { 'content-type': 'application/json', host: url.host };
  const unsignedRequest = { method: 'POST', path: url.pathname, query, headers: unsigned, body };
  const headers = await signedHeaders(unsignedRequest, identity, { region: trustAnchor.region, now }, sign);
  return { url: `${url.href}?${canonicalQuery(query)}`, method: 'POST', headers, body };
}

function readAnswer(answer: HttpAnswer, now: number): RoleSession {
  // The service sends 201; the AWS helper accepts any 2xx.
  if (answer.status < 200 || answer.status > 299) throw refusalOf(answer, now);
  try {
    return sessionFrom(answer, now);
  } catch (error) {
    const unusable = asCodedError(error);
    const clockIsOff = ABOUT_TIME.has(unusable.code) ? clockError(answer, now, unusable.message) : undefined;
    throw new ExchangeFailure(clockIsOff ?? unusable, { retry: 'soon', requestId: requestIdOf(answer) });
  }
}

const ABOUT_TIME: ReadonlySet<string> = new Set(['RA_ANSWER_EXPIRED', 'RA_ANSWER_TOO_LONG']);

async function failing<T>(retry: Retry, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    // The key source knows best whether signing can succeed soon.
    throw new ExchangeFailure(asCodedError(error), { retry: error instanceof KeyFailure ? error.retry : retry });
  }
}
