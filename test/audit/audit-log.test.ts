import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type AuditedUser, AuditLog } from '../../src/audit/audit-log.ts';
import { MOST_CLIENTS } from '../../src/audit/seen-clients.ts';
import type { Answered, AskingPod } from '../../src/endpoints/answer.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { grantedSession, someIdentity } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const AT = { role: 'uploader', endpoint: 'imds' };

function open() {
  const clock = new VirtualClock();
  const text: string[] = [];
  const callers = new Map<Socket, AuditedUser>();
  const callerOf = (connection: Socket | undefined): AuditedUser | undefined => connection && callers.get(connection);
  const audit = new AuditLog({ write: (line) => void text.push(line), callerOf, clock });
  const session = grantedSession(clock.now());
  const lines = (): Record<string, unknown>[] => text.map((line) => JSON.parse(line) as Record<string, unknown>);
  const from = (caller: AuditedUser): Socket => {
    const connection = new Socket();
    callers.set(connection, caller);
    return connection;
  };
  return { audit, from, clock, session, text, lines };
}

function read(session: RoleSession, token?: string, connection?: Socket, pod?: AskingPod): Answered {
  const headers = new Map(token === undefined ? [] : [['x-aws-ec2-metadata-token', [token]] as const]);
  const local = { address: '127.0.0.1', port: 9911 };
  const request = { method: 'GET', target: '/', headers, local, ...(connection && { connection }) };
  return { request, status: 200, outcome: { resource: 'credentials', session, ...(pod && { pod }) } };
}

const CREATE = { operation: 'CreateSession', identity: someIdentity } as const;

test('a granted session has all fields for matching with CloudTrail', () => {
  const { audit, session, lines } = open();
  audit.exchanged('uploader', { ...CREATE, durationMs: 12.6, outcome: { granted: true, session } });
  expect(lines()).toEqual([
    {
      schema: 1,
      time: '2026-11-22T12:00:00.000Z',
      event: 'session.granted',
      role: 'uploader',
      assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Device/1000',
      accessKeyId: 'ASIAEXAMPLE000000001',
      sourceIdentity: 'CN=device-0001',
      expiration: '2026-11-22T13:00:00Z',
      certificateSerial: '01',
      certificateSubject: 'CN=device-0001',
      requestId: 'request-1',
      durationMs: 13,
      operation: 'CreateSession',
      firstHopArn: null,
      firstHopAccessKeyId: null,
      firstHopRequestId: null,
    },
  ]);
});

test('a second hop names the first, with the ids of both calls and the source identity', () => {
  const { audit, session, lines } = open();
  const { assumedRoleArn, accessKeyId, requestId } = grantedSession(0, 1, 'ASIAFIRST');
  const second = { ...session, requestId: 'request-2', firstHop: { assumedRoleArn, accessKeyId, requestId } };
  const outcome = { granted: true, session: second } as const;
  audit.exchanged('deploy', { operation: 'AssumeRole', identity: someIdentity, durationMs: 1, outcome });
  audit.answered(AT, read(second, 'a'));
  const hops = {
    requestId: 'request-2',
    sourceIdentity: 'CN=device-0001',
    certificateSerial: '01',
    firstHopArn: assumedRoleArn,
    firstHopAccessKeyId: 'ASIAFIRST',
    firstHopRequestId: 'request-1',
  };
  expect(lines()).toMatchObject([
    { event: 'session.granted', operation: 'AssumeRole', ...hops },
    { event: 'credentials.read', ...hops },
  ]);
});

test('a refused call has the error code and the request id', () => {
  const { audit, lines } = open();
  const failure = new ExchangeFailure(new CodedError('RA_REFUSED', 'no\nway', 'ask'), {
    retry: 'slow',
    requestId: 'r-2',
  });
  audit.exchanged('uploader', { ...CREATE, durationMs: 1, outcome: { granted: false, failure } });
  expect(lines()).toEqual([
    expect.objectContaining({ event: 'session.refused', code: 'RA_REFUSED', error: 'no\nway', requestId: 'r-2' }),
  ]);
});

test('a client is recorded once per session and endpoint', () => {
  const { audit, clock, session, lines } = open();
  audit.exchanged('uploader', { ...CREATE, durationMs: 1, outcome: { granted: true, session } });
  const next = grantedSession(clock.now(), 3_600_000, 'ASIAEXAMPLE000000002');
  for (const answer of [read(session, 'a'), read(session, 'a'), read(session, 'b'), read(next, 'a')])
    audit.answered(AT, answer);
  audit.answered({ ...AT, endpoint: 'container' }, read(session, 'a'));
  audit.answered(AT, { ...read(session, 'c'), outcome: { resource: 'credentials' } });
  const reads = lines().filter(({ event }) => event === 'credentials.read');
  expect(reads.map(({ accessKeyId, endpoint }) => [accessKeyId, endpoint])).toEqual([
    ['ASIAEXAMPLE000000001', 'imds'],
    ['ASIAEXAMPLE000000001', 'imds'],
    ['ASIAEXAMPLE000000002', 'imds'],
    ['ASIAEXAMPLE000000001', 'container'],
  ]);
  expect(reads[0]).toMatchObject({
    certificateSerial: '01',
    callerUid: null,
    client: expect.stringMatching(/^token:[0-9a-f]{16}$/) as string,
  });
  expect(reads[2]).toMatchObject({ certificateSerial: null });
});

test('a user counts as one client, with any number of tokens', () => {
  const { audit, from, session, lines } = open();
  const caller = { uid: 1001, pid: 7, process: 'python3' };
  audit.answered(AT, read(session, 'a', from(caller)));
  audit.answered(AT, read(session, 'b', from({ ...caller, pid: 8 })));
  audit.answered(AT, read(session, 'c', from({ uid: 1002 })));
  expect(lines()).toEqual([
    expect.objectContaining({ client: 'uid:1001', callerUid: 1001, callerPid: 7, callerProcess: 'python3' }),
    expect.objectContaining({ client: 'uid:1002', callerUid: 1002, callerPid: null, callerProcess: null }),
  ]);
});

test('a denied user is recorded as far as known', () => {
  const { audit, lines } = open();
  audit.denied({ role: 'uploader', endpoint: 'socket', caller: { uid: 1002, pid: 7, process: 'curl' } });
  audit.denied({ role: 'uploader', endpoint: 'imds', caller: undefined });
  const at = { schema: 1, time: '2026-11-22T12:00:00.000Z', event: 'credentials.denied', role: 'uploader' };
  const noPod = { namespace: null, serviceAccount: null, pod: null };
  expect(lines()).toEqual([
    { ...at, endpoint: 'socket', callerUid: 1002, callerPid: 7, callerProcess: 'curl', ...noPod },
    { ...at, endpoint: 'imds', callerUid: null, callerPid: null, callerProcess: null, ...noPod },
  ]);
});

test('a pod is one client, however many tokens it has, and is recorded at most once a minute if denied', async () => {
  const { audit, session, lines, clock } = open();
  const pod = { namespace: 'shop', serviceAccount: 'uploader', pod: 'p1', podUid: 'u1' };
  for (const token of ['a', 'b']) audit.answered(AT, read(session, token, undefined, pod));
  const { request } = read(session, 'c');
  const outcome = { resource: 'credentials', pod, refusal: { code: 'X' } } as const;
  const denied: Answered = { request, status: 403, outcome };
  for (let again = 0; again < 3; again += 1) audit.answered(AT, denied);
  await clock.advance(61_000);
  audit.answered(AT, denied);
  const named = { namespace: 'shop', serviceAccount: 'uploader', pod: 'p1' };
  expect(lines()).toEqual([
    expect.objectContaining({ event: 'credentials.read', client: 'pod:u1', ...named }),
    expect.objectContaining({ event: 'credentials.denied', ...named }),
    expect.objectContaining({ event: 'credentials.denied', ...named }),
  ]);
});

test('new tokens cannot fill the disk', () => {
  const { audit, session, lines } = open();
  for (let n = 0; n < MOST_CLIENTS + 50; n += 1) audit.answered(AT, read(session, `token ${n}`));
  expect(lines()).toHaveLength(MOST_CLIENTS + 1);
  expect(lines().at(-1)).toMatchObject({ event: 'credentials.unrecorded', accessKeyId: 'ASIAEXAMPLE000000001' });
});

test('contains neither keys nor tokens', () => {
  const { audit, session, text } = open();
  audit.exchanged('uploader', { ...CREATE, durationMs: 1, outcome: { granted: true, session } });
  audit.answered(AT, read(session, 'a-token-that-opens-the-endpoint'));
  expect(text.join('')).not.toMatch(/marked-|a-token-that|\[secret\]/);
});
