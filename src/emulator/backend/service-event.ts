import { isoSeconds } from '../../foundation/clock.ts';
import { type EmulatorEvent, userIdentityOf } from '../events.ts';
import { onlyHeader } from '../wire-request.ts';
import type { IncomingCall, ServiceOutcome } from './service-call.ts';

/** What CloudTrail shows of a call with the session. The access key joins it to the session's own event. */
export function serviceEvent(
  { head, service, region, sourceIp }: IncomingCall,
  { session, needed, error, answer }: ServiceOutcome,
  requestID: string,
  now: number,
): EmulatorEvent {
  return {
    eventTime: isoSeconds(now),
    eventSource: `${service}.amazonaws.com`,
    eventName: needed?.eventName ?? `${head.method} ${head.path}`,
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
