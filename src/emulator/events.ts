import { isoSeconds } from '../foundation/clock.ts';
import type { Granted, Refused } from './create-session.ts';

/**
 * What CloudTrail would show of a call, with its field names where they exist. Contains no secrets.
 */
export interface EmulatorEvent {
  readonly eventTime: string;
  readonly eventSource: 'rolesanywhere.amazonaws.com' | 'sts.amazonaws.com';
  readonly eventName: 'CreateSession' | 'AssumeRole';
  readonly requestID: string;
  readonly [field: string]: unknown;
}

/** CreateSession, and the AssumeRole call that follows when certificate and profile are accepted. */
export function eventsOf(call: Granted | Refused, requestID: string, now: number): EmulatorEvent[] {
  const common = { eventTime: isoSeconds(now), requestID, ...errorOf(call) };
  return [createSessionEvent(call, common), ...assumeRoleEvents(call, common)];
}

type CommonFields = Pick<EmulatorEvent, 'eventTime' | 'requestID'>;

function createSessionEvent(call: Granted | Refused, common: CommonFields): EmulatorEvent {
  const { parameters, certificate } = call;
  return {
    ...common,
    eventSource: 'rolesanywhere.amazonaws.com',
    eventName: 'CreateSession',
    ...(certificate && {
      x509Subject: certificate.subjectText,
      x509Issuer: certificate.issuerText,
      serial: certificate.serialHex,
    }),
    ...(parameters && {
      requestParameters: { ...parameters, instanceProperties: Object.fromEntries(parameters.instanceProperties) },
    }),
    ...('session' in call && { responseElements: { subjectArn: call.session.subjectArn, ...grantedRole(call) } }),
  };
}

function assumeRoleEvents(call: Granted | Refused, common: CommonFields): EmulatorEvent[] {
  if (!call.assumeRole) return [];
  const { roleArn, sessionName, sourceIdentity, durationSeconds, tags } = call.assumeRole;
  return [
    {
      ...common,
      eventSource: 'sts.amazonaws.com',
      eventName: 'AssumeRole',
      userIdentity: { type: 'AWSService', invokedBy: 'rolesanywhere.amazonaws.com' },
      requestParameters: {
        roleArn,
        roleSessionName: sessionName,
        sourceIdentity,
        durationSeconds,
        principalTags: Object.fromEntries(tags),
      },
      ...('session' in call && { responseElements: grantedRole(call) }),
    },
  ];
}

function grantedRole({ session, assumeRole }: Granted): object {
  const { arn, assumedRoleId, expiration } = session;
  return {
    assumedRoleUser: { arn, assumedRoleId },
    sourceIdentity: assumeRole.sourceIdentity,
    expiration: isoSeconds(expiration),
  };
}

/** `errorDetail` exists only in the emulator: the service does not reveal it. */
function errorOf(call: Granted | Refused): object {
  if ('session' in call) return {};
  const { type, message, detail } = call.refusal;
  return { errorCode: type, errorMessage: message, errorDetail: detail };
}

/** The last events, oldest first. */
export class EventLog {
  readonly #events: EmulatorEvent[] = [];
  readonly #capacity: number;

  constructor(capacity = 500) {
    this.#capacity = capacity;
  }

  record(event: EmulatorEvent): void {
    this.#events.push(event);
    if (this.#events.length > this.#capacity) this.#events.shift();
  }

  last(): readonly EmulatorEvent[] {
    return this.#events;
  }
}
