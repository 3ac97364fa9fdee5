import type { Account } from './account.ts';
import { verifyHmacAuthorization } from './hmac-authorization.ts';
import type { IssuedSessions } from './issued-sessions.ts';
import { callerIdentityReply, StsError, stsErrorReply } from './sts-answer.ts';
import type { WireReply } from './wire-reply.ts';
import { queryPairs, type WireRequest } from './wire-request.ts';

/** The input of an STS call. */
export interface StsTerms {
  readonly account: Account;
  readonly sessions: IssuedSessions;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface StsAnswer {
  readonly reply: WireReply;
  /** The reason, for the log. */
  readonly error?: StsError;
}

/**
 * The action of a query protocol request, from the form or the query; undefined for other requests.
 */
export function stsAction(request: WireRequest): string | undefined {
  if (request.path !== '/') return undefined;
  const form = request.method === 'POST' ? new URLSearchParams(request.body.toString('utf8')) : undefined;
  return form?.get('Action') ?? actionInQuery(request);
}

function actionInQuery({ query }: WireRequest): string | undefined {
  try {
    return queryPairs(query).find(([name]) => name === 'Action')?.[1];
  } catch {
    return undefined;
  }
}

export function answerSts(request: WireRequest, action: string, terms: StsTerms): StsAnswer {
  try {
    return { reply: dispatch(request, action, terms) };
  } catch (error) {
    if (error instanceof StsError) return { reply: stsErrorReply(error, terms.requestId), error };
    throw error;
  }
}

function dispatch(request: WireRequest, action: string, terms: StsTerms): WireReply {
  if (action !== 'GetCallerIdentity') {
    const message = `Could not find operation ${action} for version 2011-06-15`;
    throw new StsError('InvalidAction', 400, message, 'this emulator supports only GetCallerIdentity');
  }
  const { arn, assumedRoleId } = verifyHmacAuthorization(request, { name: 'sts' }, terms.sessions, terms.now);
  return callerIdentityReply({ arn, userId: assumedRoleId, account: terms.account.accountId }, terms.requestId);
}
