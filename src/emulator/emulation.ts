import { isoSeconds } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Account } from './account/account.ts';
import { chainingEvent, type EmulatorEvent, eventsOf } from './control/events.ts';
import { createSession, type Issued, type Refused } from './create-session.ts';
import { createSessionReply } from './create-session-reply.ts';
import type { IssuedSession, IssuedSessions } from './issued-sessions.ts';
import { refusalReply } from './refusal.ts';
import { answerListBuckets } from './s3.ts';
import { answerSts, type StsAnswer } from './sts.ts';
import type { WireReply } from './wire-reply.ts';
import type { WireRequest } from './wire-request.ts';

/** The services share only the sessions that one issues and the others recognise. */
export interface Emulation {
  readonly account: Account;
  readonly sessions: IssuedSessions;
  readonly clockToleranceSeconds: number;
  readonly grantSeconds: number | undefined;
  readonly log: Log;
  readonly onEvent: (event: EmulatorEvent) => void;
}

/** One call at one time. */
export interface Call {
  readonly request: WireRequest;
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The address of the peer. */
  readonly sourceIp: string | undefined;
}

export function answerCreateSession({ request, requestId, now }: Call, emulation: Emulation): WireReply {
  const outcome = createSession(request, emulation.account, { ...emulation, now });
  const call = 'refusal' in outcome ? outcome : { ...outcome, session: emulation.sessions.issue(outcome.session, now) };
  eventsOf(call, requestId, now).forEach(emulation.onEvent);
  return 'refusal' in call ? refused(call, requestId, emulation.log) : granted(call, requestId, emulation.log);
}

function refused({ refusal, certificate, parameters }: Refused, requestId: string, log: Log): WireReply {
  const { status, message, detail } = refusal;
  log('warn', 'CreateSession refused', {
    requestId,
    status,
    message,
    detail,
    subject: certificate?.subjectText,
    serial: certificate?.serialHex,
    roleArn: parameters?.roleArn,
  });
  return refusalReply(refusal);
}

function granted(call: Issued, requestId: string, log: Log): WireReply {
  log('info', 'CreateSession granted', {
    requestId,
    subject: call.certificate.subjectText,
    serial: call.certificate.serialHex,
    ...grantedFields(call.session),
  });
  return createSessionReply(call);
}

function grantedFields({ sourceIdentity, arn, accessKeyId, expiration }: IssuedSession): object {
  return { sourceIdentity, assumedRole: arn, accessKeyId, expiration: isoSeconds(expiration) };
}

export function answerStsAction({ request, ...call }: Call, action: string, emulation: Emulation): WireReply {
  const answer = answerSts(request, action, { ...emulation, ...call });
  if (answer.chaining) emulation.onEvent(chainingEvent(answer, answer.chaining, call));
  return logged(action, answer, call.requestId, emulation.log);
}

export function answerS3({ request, ...call }: Call, emulation: Emulation): WireReply {
  return logged('ListBuckets', answerListBuckets(request, { ...emulation, ...call }), call.requestId, emulation.log);
}

function logged(action: string, { reply, error, chaining }: StsAnswer, requestId: string, log: Log): WireReply {
  const { caller, session } = chaining ?? {};
  const fields = { requestId, ...(caller && { caller: caller.arn, roleArn: chaining?.asked?.roleArn }) };
  if (error) log('warn', `${action} refused`, { ...fields, error: error.code, detail: error.detail });
  else if (session) log('info', `${action} granted`, { ...fields, ...grantedFields(session) });
  else log('info', `${action} answered`, fields);
  return reply;
}
