import { isoSeconds } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Account } from './account.ts';
import { createSession, type Granted, type Refused } from './create-session.ts';
import { createSessionReply } from './create-session-reply.ts';
import { type EmulatorEvent, eventsOf } from './events.ts';
import type { IssuedSessions } from './issued-sessions.ts';
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
}

export function answerCreateSession({ request, requestId, now }: Call, emulation: Emulation): WireReply {
  const outcome = createSession(request, emulation.account, { ...emulation, now });
  eventsOf(outcome, requestId, now).forEach(emulation.onEvent);
  if ('refusal' in outcome) return refused(outcome, requestId, emulation.log);
  return issue(outcome, { requestId, now }, emulation);
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

function issue(granted: Granted, { requestId, now }: Omit<Call, 'request'>, { sessions, log }: Emulation): WireReply {
  const session = sessions.issue(granted.session, now);
  log('info', 'CreateSession granted', {
    requestId,
    subject: granted.certificate.subjectText,
    serial: granted.certificate.serialHex,
    sourceIdentity: granted.assumeRole.sourceIdentity,
    assumedRole: session.arn,
    accessKeyId: session.accessKeyId,
    expiration: isoSeconds(session.expiration),
  });
  return createSessionReply(granted.assumeRole, session);
}

export function answerStsAction({ request, ...call }: Call, action: string, emulation: Emulation): WireReply {
  return told(action, answerSts(request, action, { ...emulation, ...call }), call.requestId, emulation.log);
}

export function answerS3({ request, ...call }: Call, emulation: Emulation): WireReply {
  return told('ListBuckets', answerListBuckets(request, { ...emulation, ...call }), call.requestId, emulation.log);
}

function told(action: string, { reply, error }: StsAnswer, requestId: string, log: Log): WireReply {
  if (!error) log('info', `${action} answered`, { requestId });
  else log('warn', `${action} refused`, { requestId, error: error.code, detail: error.detail });
  return reply;
}
