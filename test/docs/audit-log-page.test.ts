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
const caller = { callerUid: null, callerPid: null, callerProcess: null };
const EXAMPLES = [
  auditLine('session.granted', { ...session, durationMs: 184 }, NOON),
  auditLine(
    'credentials.read',
    { ...session, ...caller, endpoint: 'imds', client: 'token:5d41402abc4b2a76' },
    NOON + 2_137,
  ),
  auditLine(
    'credentials.denied',
    { role: 'uploader', endpoint: 'socket', callerUid: 1002, callerPid: 4711, callerProcess: 'curl' },
    NOON + 5_020,
  ),
];

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

With \`audit: { file: PATH }\`, or \`audit: stderr\`, there is one JSON line for each call of CreateSession, granted or not, one for each client
that reads a session for the first time, and one for each user who is denied a role. Laid beside CloudTrail, the lines say who on which host is behind an
access key. Nothing in them is secret.

\`\`\`json
${EXAMPLES.join('')}\`\`\`

| Event | Meaning | Fields besides \`schema\`, \`time\`, \`event\` |
| --- | --- | --- |
${events.join('\n')}

| Field | Meaning |
| --- | --- |
${fields.join('\n')}

Every line of an event has all of its fields, in this order; what is not known is \`null\`. Within schema 1 nothing goes or changes its meaning; fields
and events may be added.

- A **client** is a user id where the endpoint knows it, otherwise a token. SDKs that take a new token for each read (AWS CLI, JavaScript, Java, .NET) are a
  new client each time. Of one session the first 1000 clients of each endpoint are recorded, then \`credentials.unrecorded\` says that there are more.
- \`callerPid\` and \`callerProcess\` are known over the Unix socket only (\`SO_PEERCRED\`); over TCP the system tells the user, not the process. The name is
  read from \`/proc\` when the line is written, and a program chooses it freely. In the sandbox of the systemd unit processes of other users cannot be
  seen, and their name is \`null\`.
- **Denied** is who \`allow\` does not name, and at the socket who is neither root nor the daemon's own user: [access control](access-control.md).
- A session that was kept across a restart has no certificate in \`credentials.read\`; the line \`session.granted\` with its access key id has.
- The file is made with mode 0600; one that is there keeps its mode. It is only ever appended to, and SIGHUP opens it again: [rotation](#rotation).
- The daemon does not start without its file. A disk that is full later keeps nobody from credentials: the log says so once (\`AUDIT_NOT_WRITTEN\`), and the
  first line that can be written again comes after an \`audit.gap\` with the number of those that are missing. Up to 1000 lines wait for a slow disk.
  What the disk took of a line that it did not take whole stays, as a line of its own that is no JSON.

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

\`copytruncate\` in place of the script works too; as everywhere, lines written between its copy and its truncation are lost.

This page is written from the schema in the source; a test holds the two together, and \`npm run docs:audit\` writes it anew.
`;
}

test('docs/audit-log.md has the schema', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/audit-log.md');
});

test('the fields of schema 1 stay', () => {
  const former = {
    'session.granted':
      'schema time event role assumedRoleArn accessKeyId sourceIdentity expiration certificateSerial certificateSubject requestId durationMs',
    'session.refused': 'schema time event role certificateSerial certificateSubject requestId durationMs code error',
    'credentials.read':
      'schema time event role assumedRoleArn accessKeyId sourceIdentity expiration certificateSerial certificateSubject requestId endpoint client callerUid callerPid callerProcess',
    'credentials.unrecorded': 'schema time event role assumedRoleArn accessKeyId sourceIdentity expiration endpoint',
    'credentials.denied': 'schema time event role endpoint callerUid callerPid callerProcess',
    'audit.gap': 'schema time event lost',
  };
  for (const [event, fields] of Object.entries(former))
    expect(AUDIT_EVENTS[event as keyof typeof AUDIT_EVENTS].fields).toEqual(expect.arrayContaining(fields.split(' ')));
});

test('no field is described that no event has', () => {
  const used = new Set<string>(Object.values(AUDIT_EVENTS).flatMap(({ fields }) => [...fields]));
  expect(Object.keys(AUDIT_FIELDS).filter((field) => !used.has(field))).toEqual([]);
});
