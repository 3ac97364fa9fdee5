import { expect, test } from 'vitest';
import { AUDIT_EVENTS, AUDIT_FIELDS, auditLine } from '../../src/audit/audit-schema.ts';

const session = {
  role: 'uploader',
  assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Uploader/0123456789abcdef',
  accessKeyId: 'ASIAEXAMPLE000000001',
  sourceIdentity: 'CN=closet-17',
  expiration: '2026-11-22T13:00:00Z',
  certificateSerial: '0123456789abcdef',
  certificateSubject: 'O=Example, CN=closet-17',
  requestId: '0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7',
};
const NOON = Date.parse('2026-11-22T12:00:00.000Z');
const direct = { firstHopArn: null, firstHopAccessKeyId: null, firstHopRequestId: null };
const noPod = { namespace: null, serviceAccount: null, pod: null };
const caller = { callerUid: null, callerPid: null, callerProcess: null, ...noPod };
const EXAMPLES = [
  auditLine('session.granted', { ...session, durationMs: 184, operation: 'CreateSession', ...direct }, NOON),
  auditLine(
    'credentials.read',
    { ...session, ...caller, ...direct, endpoint: 'imds', client: 'token:5d41402abc4b2a76' },
    NOON + 2_137,
  ),
  auditLine(
    'credentials.denied',
    { role: 'uploader', endpoint: 'socket', callerUid: 1002, callerPid: 4711, callerProcess: 'curl', ...noPod },
    NOON + 5_020,
  ),
];

const DETAILS = `## Details

- **Clients.** A client is a user id if the endpoint knows it, otherwise a token. SDKs that get a new token for each read
  (AWS CLI, JavaScript, Java, .NET) count as a new client each time. For each session, the first 1000 clients of each
  endpoint are recorded. After that, one \`credentials.unrecorded\` line says that there are more.
- **Processes.** \`callerPid\` and \`callerProcess\` are known only over the Unix socket (\`SO_PEERCRED\`). Over TCP the
  kernel reports the user, not the process. The process name is read from \`/proc\` when the connection comes in. A
  program can choose its name freely. In the sandbox of the systemd unit, processes of other users are invisible, and
  their name is \`null\`.
- **Pods.** \`namespace\`, \`serviceAccount\` and \`pod\` are those of the verified token. A pod is one client for its whole
  life, however often its token changes.
- **Denials.** With \`allow\`, all users that it does not name are denied. At the socket of a role without \`allow\`, all
  users are denied except root and the daemon's own user: [access control](access-control.md).
- **Chained roles.** A role with \`assume\` has a line for each hop. That of AssumeRole names the first session, its
  access key and its request id. Both hops have the same source identity: [role chaining](chaining.md).
- **Restarts.** After a restart, \`credentials.read\` has no certificate for a stored session. Find it in the
  \`session.granted\` line with the same access key id.
- **The file** is created with mode 0600. An existing file keeps its mode. The daemon only appends to it, and opens it
  again on SIGHUP: [rotation](#rotation).
- **A file that cannot be opened** stops the daemon from starting. A disk that is full later does not: clients still get
  credentials, and the log reports it once (\`AUDIT_NOT_WRITTEN\`). Up to 1000 lines wait for a slow disk. When writing
  works again, an \`audit.gap\` line has the number of missing lines. A line that was written in part stays in the file as
  a line that is not JSON.

## Rotation

\`\`\`
# /etc/logrotate.d/imds-anywhere
/var/log/imds-anywhere/audit.jsonl {
  weekly
  rotate 26
  compress
  delaycompress
  missingok
  notifempty
  postrotate
    systemctl reload imds-anywhere || true
  endscript
}
\`\`\`

\`copytruncate\` works too, but loses the lines written between copy and truncation.

This page is generated from the schema in the source: \`npm run docs:audit\`. A test checks that they match.
`;

function page(): string {
  const events = Object.entries(AUDIT_EVENTS).map(
    ([event, { meaning, fields }]) =>
      `| \`${event}\` | ${meaning} | ${fields
        .slice(3)
        .map((field) => `\`${field}\``)
        .join(', ')} |`,
  );
  const fields = Object.entries(AUDIT_FIELDS).map(([field, meaning]) => `| \`${field}\` | ${meaning} |`);
  return `# Audit log

\`audit: { file: PATH }\` or \`audit: stderr\` writes one JSON line for each

- call of CreateSession, granted or refused,
- client that reads a session for the first time,
- user who is denied a role.

Together with CloudTrail, the lines show which user on which host is behind an access key. They contain no secrets.

\`\`\`json
${EXAMPLES.join('')}\`\`\`

## Events

| Event | Meaning | Fields after \`schema\`, \`time\`, \`event\` |
| --- | --- | --- |
${events.join('\n')}

## Fields

| Field | Meaning |
| --- | --- |
${fields.join('\n')}

Every line of an event has all of its fields, in this order. Unknown values are \`null\`. Within schema 1, no field or
event is removed or changes its meaning. New ones may be added.

${DETAILS}`;
}

test('docs/audit-log.md matches the schema', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/audit-log.md');
});

test('schema 1 keeps its fields', () => {
  const released = {
    'session.granted':
      'schema time event role assumedRoleArn accessKeyId sourceIdentity expiration certificateSerial certificateSubject requestId durationMs',
    'session.refused': 'schema time event role certificateSerial certificateSubject requestId durationMs code error',
    'credentials.read':
      'schema time event role assumedRoleArn accessKeyId sourceIdentity expiration certificateSerial certificateSubject requestId endpoint client callerUid callerPid callerProcess',
    'credentials.unrecorded': 'schema time event role assumedRoleArn accessKeyId sourceIdentity expiration endpoint',
    'credentials.denied': 'schema time event role endpoint callerUid callerPid callerProcess',
    'audit.gap': 'schema time event lost',
  };
  for (const [event, fields] of Object.entries(released))
    expect(AUDIT_EVENTS[event as keyof typeof AUDIT_EVENTS].fields).toEqual(expect.arrayContaining(fields.split(' ')));
});

test('every described field belongs to an event', () => {
  const used = new Set<string>(Object.values(AUDIT_EVENTS).flatMap(({ fields }) => [...fields]));
  expect(Object.keys(AUDIT_FIELDS).filter((field) => !used.has(field))).toEqual([]);
});
