import { isoSeconds } from '../../foundation/clock.ts';
import { type EmulatorEvent, userIdentityOf } from '../control/events.ts';
import { onlyHeader } from '../wire-request.ts';
import type { IncomingCall, ServiceOutcome } from './service-call.ts';

/** A call that ended early has the name that the client gave, or only method and path. */
export function callName({ head }: IncomingCall, { needed, operation }: ServiceOutcome): string {
  return needed?.eventName ?? operation ?? `${head.method} ${head.path}`;
}

/** What CloudTrail shows of a call with the session. The access key joins it to the session's own event. */
export function serviceEvent(
  call: IncomingCall,
  outcome: ServiceOutcome,
  requestID: string,
  now: number,
): EmulatorEvent {
  const { head, service, region, sourceIp } = call;
  const { session, needed, error, answer } = outcome;
  return {
    eventTime: isoSeconds(now),
    eventSource: `${service}.amazonaws.com`,
    eventName: callName(call, outcome),
    awsRegion: region,
    sourceIPAddress: sourceIp,
    userAgent: onlyHeader(head, 'user-agent'),
    requestID,
    ...(session && { userIdentity: userIdentityOf(session) }),
    ...(needed && {
      resources: needed.permissions.map(({ resource }) => ({ ARN: resource })),
      permissions: needed.permissions.map(({ action }) => action),
    }),
    ...(answer && { httpStatus: answer.status }),
    ...(error && { errorCode: error.code, errorMessage: error.message, errorDetail: error.detail }),
  };
}
