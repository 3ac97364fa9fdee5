import { isoSeconds } from '../../foundation/clock.ts';
import type { Issued, Refused } from '../create-session.ts';
import type { IssuedSession } from '../issued-sessions.ts';
import { accountOf } from '../role-session.ts';
import type { Chaining, StsAnswer } from '../sts.ts';

/**
 * What CloudTrail would show of a call, with its field names where they exist. Contains no secrets.
 */
export interface EmulatorEvent {
  readonly eventTime: string;
  readonly eventSource: `${string}.amazonaws.com`;
  readonly eventName: string;
  readonly requestID: string;
  readonly [field: string]: unknown;
}

/** CreateSession, and the AssumeRole call that follows when certificate and profile are accepted. */
export function eventsOf(call: Issued | Refused, requestID: string, now: number): EmulatorEvent[] {
  const common = { eventTime: isoSeconds(now), requestID, ...errorOf(call) };
  return [createSessionEvent(call, common), ...assumeRoleEvents(call, common)];
}

type CommonFields = Pick<EmulatorEvent, 'eventTime' | 'requestID'>;

function createSessionEvent(call: Issued | Refused, common: CommonFields): EmulatorEvent {
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
    ...('session' in call && { responseElements: { subjectArn: call.subjectArn, ...issuedRole(call.session) } }),
  };
}

function assumeRoleEvents(call: Issued | Refused, common: CommonFields): EmulatorEvent[] {
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
      ...('session' in call && { responseElements: issuedRole(call.session) }),
    },
  ];
}

/** An AssumeRole of a session. The access key id joins it to the event that issued the key. */
export function chainingEvent(
  { error }: StsAnswer,
  { caller, asked, session }: Chaining,
  { requestId, now }: { readonly requestId: string; readonly now: number },
): EmulatorEvent {
  return {
    eventTime: isoSeconds(now),
    requestID: requestId,
    eventSource: 'sts.amazonaws.com',
    eventName: 'AssumeRole',
    userIdentity: userIdentityOf(caller),
    ...(asked && { requestParameters: requestParametersOf(asked) }),
    ...(session && { responseElements: issuedRole(session) }),
    ...(error && { errorCode: error.code, errorMessage: error.message, errorDetail: error.detail }),
  };
}

/** CloudTrail's description of a session. */
export function userIdentityOf({
  arn,
  assumedRoleId,
  accessKeyId,
  role,
  issued,
  sourceIdentity,
}: IssuedSession): object {
  const [principalId] = assumedRoleId.split(':');
  return {
    type: 'AssumedRole',
    principalId: assumedRoleId,
    arn,
    accountId: accountOf(arn),
    accessKeyId,
    sessionContext: {
      sessionIssuer: { type: 'Role', principalId, arn: role.arn, accountId: accountOf(role.arn) },
      attributes: { creationDate: isoSeconds(issued) },
      sourceIdentity,
    },
  };
}

function requestParametersOf({ tags, ...asked }: NonNullable<Chaining['asked']>): object {
  const { roleArn, sessionName, durationSeconds, externalId, transitiveTagKeys, policy, policyArns } = asked;
  const principalTags = Object.fromEntries(tags);
  return {
    roleArn,
    roleSessionName: sessionName,
    durationSeconds,
    externalId,
    principalTags,
    transitiveTagKeys,
    policy: policy?.text,
    policyArns,
  };
}

function issuedRole({ arn, assumedRoleId, accessKeyId, expiration, sourceIdentity }: IssuedSession): object {
  const time = isoSeconds(expiration);
  return {
    credentials: { accessKeyId, expiration: time },
    assumedRoleUser: { arn, assumedRoleId },
    sourceIdentity,
  };
}

/** `errorDetail` exists only in the emulator: the service does not reveal it. */
function errorOf(call: Issued | Refused): object {
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
