import { describe, expect, it } from 'vitest';
import { EventLog } from '../../src/emulator/control/events.ts';
import { IssuedSessions } from '../../src/emulator/issued-sessions.ts';
import { sessionOfRole } from '../../src/emulator/role-session.ts';

const HOUR = 3_600_000;
const role = {
  arn: 'arn:aws:iam::1:role/r',
  maxSessionDuration: 3600,
  tags: new Map(),
  trustPolicy: { statements: [] },
  policies: [],
  permissionsBoundary: undefined,
};
const granted = sessionOfRole(
  role,
  { sessionName: 's', durationSeconds: 3600, now: 0, grantSeconds: undefined },
  { sourceIdentity: undefined, tags: new Map(), transitiveTagKeys: [], sessionPolicies: [] },
);

describe('issued sessions', () => {
  it('are found until an hour after expiry', () => {
    const sessions = new IssuedSessions();
    const { accessKeyId } = sessions.issue(granted, 0);
    sessions.issue({ ...granted, expiration: 3 * HOUR }, 2 * HOUR);
    expect(sessions.find(accessKeyId)?.arn).toBe(granted.arn);
    sessions.issue({ ...granted, expiration: 3 * HOUR }, 2 * HOUR + 1);
    expect(sessions.find(accessKeyId)).toBeUndefined();
  });

  it('are limited, and the oldest are removed', () => {
    const sessions = new IssuedSessions(2);
    const keys = [1, 2, 3].map(() => sessions.issue(granted, 0).accessKeyId);
    expect(keys.map((key) => sessions.find(key) !== undefined)).toEqual([false, true, true]);
  });

  it('do not print their secrets', () => {
    const session = new IssuedSessions().issue(granted, 0);
    expect(JSON.stringify(session)).not.toContain(session.secretAccessKey.reveal());
  });
});

describe('the event log', () => {
  it('keeps the last events', () => {
    const log = new EventLog(2);
    for (const requestID of ['1', '2', '3'])
      log.record({ eventTime: '', eventSource: 'sts.amazonaws.com', eventName: 'AssumeRole', requestID });
    expect(log.last().map(({ requestID }) => requestID)).toEqual(['2', '3']);
  });
});
