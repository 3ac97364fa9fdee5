// The schema of the audit log, stable for programs that read it. docs/audit-log.md is generated
// from it.

const AUDIT_SCHEMA = 1;

export const AUDIT_FIELDS = {
  schema: 'version of this schema, 1',
  time: 'when it happened on this host, ISO 8601 in UTC with milliseconds',
  event: 'what happened: one of the events above',
  role: 'name of the role in the configuration',
  assumedRoleArn: 'ARN of the role session; CloudTrail: `userIdentity.arn` of the calls of the session',
  accessKeyId: 'CloudTrail: `userIdentity.accessKeyId` of the calls of the session',
  sourceIdentity: 'CloudTrail: `sourceIdentity`, in the session context of the calls of the session',
  expiration: 'when the session expires, ISO 8601 in UTC',
  certificateSerial: 'serial number of the certificate that signed the call of CreateSession, hexadecimal',
  certificateSubject: 'subject of that certificate',
  operation: '`CreateSession`, or `AssumeRole` for the second hop of a role with `assume`',
  requestId: 'id of the call at the service; CloudTrail: `requestID` of the event of that operation',
  firstHopArn: 'for a second hop: ARN of the session that assumed the role',
  firstHopAccessKeyId: 'its access key; CloudTrail: `userIdentity.accessKeyId` of the event `AssumeRole`',
  firstHopRequestId: 'id of the call of CreateSession that granted it',
  durationMs: 'how long the call took',
  code: 'why there was no session: a code of [errors](errors.md)',
  error: 'the message of that error',
  endpoint: '`imds`, `container`, `pods` or `socket`',
  client:
    'client that read: `uid:1001`, `pod:` and the UID of a pod, or `token:` and the first digits of the SHA-256 of its token, or `unknown`',
  callerUid: 'user id of the process that asked, if known',
  callerPid: 'id of the process that connected, if known (only over the Unix socket)',
  callerProcess: 'name of that process as it sets it, if visible',
  namespace: 'namespace of the pod that asked, from its token',
  serviceAccount: 'service account of that pod',
  pod: 'name of that pod',
  lost: 'how many lines are missing',
} as const;

export type AuditField = keyof typeof AUDIT_FIELDS;

const ALWAYS = ['schema', 'time', 'event'] as const;
const SESSION = ['assumedRoleArn', 'accessKeyId', 'sourceIdentity', 'expiration'] as const;
const CERTIFICATE = ['certificateSerial', 'certificateSubject'] as const;
const FIRST_HOP = ['firstHopArn', 'firstHopAccessKeyId', 'firstHopRequestId'] as const;
const CALLER = ['callerUid', 'callerPid', 'callerProcess', 'namespace', 'serviceAccount', 'pod'] as const;

/** The fields of each line, in this order. Unknown values are null. */
export const AUDIT_EVENTS = {
  'session.granted': {
    meaning: 'CreateSession or AssumeRole returned a role session',
    fields: [...ALWAYS, 'role', ...SESSION, ...CERTIFICATE, 'requestId', 'durationMs', 'operation', ...FIRST_HOP],
  },
  'session.refused': {
    meaning: 'CreateSession or AssumeRole returned no session: refused, throttled, or not reached',
    fields: [...ALWAYS, 'role', ...CERTIFICATE, 'requestId', 'durationMs', 'code', 'error', 'operation'],
  },
  'credentials.read': {
    meaning: 'a client read the keys of this session for the first time, at this endpoint',
    fields: [...ALWAYS, 'role', ...SESSION, ...CERTIFICATE, 'requestId', 'endpoint', 'client', ...CALLER, ...FIRST_HOP],
  },
  'credentials.denied': {
    meaning:
      'a user or a pod without access to the role asked for it, or a user for a token; at most one line per minute, role, endpoint and user or pod; the role is empty for a pod without any',
    fields: [...ALWAYS, 'role', 'endpoint', ...CALLER],
  },
  'credentials.unrecorded': {
    meaning: 'too many clients have read this session at this endpoint; more are not recorded until the next session',
    fields: [...ALWAYS, 'role', ...SESSION, 'endpoint'],
  },
  'audit.gap': { meaning: 'lines could not be written before this one', fields: [...ALWAYS, 'lost'] },
} as const satisfies Readonly<Record<string, { meaning: string; fields: readonly AuditField[] }>>;

export type AuditEvent = keyof typeof AUDIT_EVENTS;
type Value = string | number | null;

/** The fields of an event, without schema, time and event. */
export type AuditValues<Event extends AuditEvent> = Readonly<
  Record<Exclude<(typeof AUDIT_EVENTS)[Event]['fields'][number], (typeof ALWAYS)[number]>, Value>
>;

/** @param now - milliseconds since the epoch. @returns one complete line. */
export function auditLine<Event extends AuditEvent>(event: Event, values: AuditValues<Event>, now: number): string {
  const all: Partial<Record<AuditField, Value>> = {
    schema: AUDIT_SCHEMA,
    time: new Date(now).toISOString(),
    event,
    ...values,
  };
  const ordered = AUDIT_EVENTS[event].fields.map((field) => [field, all[field] ?? null]);
  return `${JSON.stringify(Object.fromEntries(ordered))}\n`;
}
