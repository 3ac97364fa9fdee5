import { describe, expect, it } from 'vitest';
import type { FirstHop, RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { openedSession } from '../../src/state/opened-session.ts';
import { sessionRecord } from '../../src/state/session-record.ts';
import { grantedSession, HOUR, MINUTE } from '../sessions/support.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const opened = (now: number, content = sessionRecord(grantedSession(NOW, HOUR))): unknown =>
  openedSession('uploader', { ok: true, content }, now);

describe('a stored session', () => {
  it('is returned until it expires', () => {
    for (const now of [NOW, NOW + HOUR - 1]) expect(opened(now)).toMatchObject({ expiration: NOW + HOUR });
    expect(opened(NOW + HOUR)).toBeUndefined();
  });

  it('still knows its first hop', () => {
    const firstHop = { assumedRoleArn: 'arn:aws:sts::1:assumed-role/Hub/1', accessKeyId: 'ASIAFIRST', requestId: 'r' };
    expect(opened(NOW, sessionRecord({ ...grantedSession(NOW), firstHop }))).toMatchObject({ firstHop });
    const damaged = { ...grantedSession(NOW), firstHop: { accessKeyId: 'ASIAFIRST' } as unknown as FirstHop };
    expect(opened(NOW, sessionRecord(damaged))).not.toHaveProperty('firstHop');
  });

  it('may be five minutes ahead of this clock', () => {
    expect(opened(NOW - 5 * MINUTE)).toMatchObject({ receivedAt: NOW });
    expect(() => opened(NOW - 5 * MINUTE - 1)).toThrow(
      expect.objectContaining({
        code: 'STATE_FROM_FUTURE',
        message:
          'the session stored for uploader was granted at 2026-11-22T12:00:00Z, and here it is 2026-11-22T11:54:59Z',
      }),
    );
  });

  it.each([
    ['damaged', 'STATE_DAMAGED', 'is damaged'],
    ['other version', 'STATE_OTHER_VERSION', 'has the format of another version'],
    ['other key', 'STATE_OTHER_KEY', 'was sealed with another key'],
  ] as const)('that cannot be opened gives the reason: %s', (why, code, words) => {
    const message = `the session stored for uploader ${words}`;
    expect(() => openedSession('uploader', { ok: false, why }, NOW)).toThrow(
      expect.objectContaining({ code, message }),
    );
  });

  it('of an unknown form has another version', () => {
    expect(() => opened(NOW, Buffer.from('{}'))).toThrow(expect.objectContaining({ code: 'STATE_OTHER_VERSION' }));
  });

  it('keeps every field', () => {
    const firstHop = { assumedRoleArn: 'arn:aws:sts::1:assumed-role/Hub/1', accessKeyId: 'ASIAFIRST', requestId: 'r' };
    const session = { ...grantedSession(NOW, HOUR), subjectArn: 'arn:aws:rolesanywhere:x:1:subject/1', firstHop };
    const found = opened(NOW, sessionRecord(session)) as RoleSession;
    expect(found).toEqual(session);
    expect([found.secretAccessKey.reveal(), found.sessionToken.reveal()]).toEqual([
      'marked-secret-access-key',
      'marked-session-token',
    ]);
    expect([Object.isFrozen(found), Object.isFrozen(found.firstHop)]).toEqual([true, true]);
  });

  const complete = JSON.parse(sessionRecord(grantedSession(NOW, HOUR)).toString()) as Record<string, unknown>;
  const required = ['accessKeyId', 'secretAccessKey', 'sessionToken', 'expiration', 'receivedAt', 'assumedRoleArn'];
  it.each([
    ...required.map((name) => ({ ...complete, [name]: undefined })),
    ...required.map((name) => ({ ...complete, [name]: [1] })),
    { ...complete, accessKeyId: '' },
    { ...complete, secretAccessKey: '' },
    { ...complete, sessionToken: '' },
    { ...complete, expiration: 1.5 },
    { ...complete, receivedAt: 2 ** 53 },
    ...[null, 'text', 5, [complete]],
  ])('that is not one complete session is never served: %j', (content) => {
    expect(() => opened(NOW, Buffer.from(JSON.stringify(content)))).toThrow(
      expect.objectContaining({ code: 'STATE_OTHER_VERSION' }),
    );
  });

  it('that is not JSON is never served', () => {
    expect(() => opened(NOW, Buffer.from('{'))).toThrow(expect.objectContaining({ code: 'STATE_OTHER_VERSION' }));
  });

  it.each([null, 'text', {}, { assumedRoleArn: 'arn' }, { assumedRoleArn: 'arn', accessKeyId: 5 }])(
    'has no first hop in place of %j',
    (firstHop) => {
      const content = Buffer.from(JSON.stringify({ ...complete, firstHop }));
      expect(opened(NOW, content)).not.toHaveProperty('firstHop');
    },
  );
});
