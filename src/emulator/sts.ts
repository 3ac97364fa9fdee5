import type { Account } from './account/account.ts';
import { type AssumeRoleParameters, readAssumeRole } from './assume-role-parameters.ts';
import { chainedSession } from './chained-role.ts';
import type { IssuedSession, IssuedSessions } from './issued-sessions.ts';
import { verifyHmacAuthorization } from './signature/hmac-authorization.ts';
import { assumeRoleReply, callerIdentityReply, StsError, stsErrorReply } from './sts-answer.ts';
import type { WireReply } from './wire-reply.ts';
import { onlyHeader, queryPairs, type WireRequest } from './wire-request.ts';

/** The input of an STS call. */
export interface StsTerms {
  readonly account: Account;
  readonly sessions: IssuedSessions;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly grantSeconds: number | undefined;
  readonly sourceIp: string | undefined;
}

export interface StsAnswer {
  readonly reply: WireReply;
  /** The reason, for the log. */
  readonly error?: StsError;
  /** What an AssumeRole was about, as far as it got. */
  readonly chaining?: Chaining;
}

/** One AssumeRole. Without a session, it was refused. */
export interface Chaining {
  readonly caller: IssuedSession;
  readonly asked?: AssumeRoleParameters;
  readonly session?: IssuedSession;
}

/**
 * The action of a query protocol request, from the form or the query; undefined for other requests.
 */
export function stsAction(request: WireRequest): string | undefined {
  return request.path === '/' ? formOf(request).get('Action') : undefined;
}

/** Body and query of the query protocol. An invalid query has no parameters. */
function formOf({ method, query, body }: WireRequest): Map<string, string> {
  const sent = method === 'POST' ? new URLSearchParams(body.toString('utf8')) : [];
  return new Map([...pairsIn(query), ...sent]);
}

function pairsIn(query: string): [string, string][] {
  try {
    return queryPairs(query);
  } catch {
    return [];
  }
}

export function answerSts(request: WireRequest, action: string, terms: StsTerms): StsAnswer {
  try {
    requireKnown(action);
    const caller = verifyHmacAuthorization(request, { name: 'sts' }, terms.sessions, terms.now);
    if (action === 'AssumeRole') return assumeRole(caller, request, terms);
    return { reply: callerIdentityReply(caller, terms.requestId) };
  } catch (error) {
    return refused(error, terms);
  }
}

function requireKnown(action: string): void {
  if (action === 'GetCallerIdentity' || action === 'AssumeRole') return;
  const message = `Could not find operation ${action} for version 2011-06-15`;
  const detail = 'this emulator supports only GetCallerIdentity and AssumeRole';
  throw new StsError('InvalidAction', 400, message, detail);
}

function assumeRole(caller: IssuedSession, request: WireRequest, terms: StsTerms): StsAnswer {
  const chaining: { -readonly [Part in keyof Chaining]: Chaining[Part] } = { caller };
  try {
    const asked = (chaining.asked = readAssumeRole(formOf(request)));
    const circumstances = { ...terms, region: terms.account.region, userAgent: onlyHeader(request, 'user-agent') };
    const { session, packedPolicySize } = chainedSession(caller, asked, circumstances);
    const issued = (chaining.session = terms.sessions.issue(session, terms.now));
    return { reply: assumeRoleReply(issued, packedPolicySize, terms.requestId), chaining };
  } catch (error) {
    return { ...refused(error, terms), chaining };
  }
}

/** Any other error is a defect. */
function refused(error: unknown, { requestId }: StsTerms): StsAnswer {
  if (error instanceof StsError) return { reply: stsErrorReply(error, requestId), error };
  throw error;
}
