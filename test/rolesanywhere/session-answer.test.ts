import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { sessionFrom } from '../../src/rolesanywhere/session-answer.ts';
import { granted, grantedBody, NOW, SECRET_ACCESS_KEY, SESSION_TOKEN } from './support.ts';

function outcome(body: string): string {
  try {
    sessionFrom({ ...granted(), body }, NOW);
    return 'a session';
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    expect(JSON.stringify([error.message, error.remedy, String(error.cause)])).not.toMatch(
      new RegExp(`${SECRET_ACCESS_KEY}|${SESSION_TOKEN.slice(0, 10)}`),
    );
    return error.code;
  }
}

function withCredentials(change: Record<string, unknown>): string {
  const body = grantedBody('2026-11-22T13:00:00Z');
  const [set] = body['credentialSet'] as [{ credentials: object }];
  return JSON.stringify({ ...body, credentialSet: [{ ...set, credentials: { ...set.credentials, ...change } }] });
}

describe('a CreateSession answer', () => {
  it('becomes a frozen session', () => {
    const session = sessionFrom(granted(), NOW);
    expect(session).toMatchObject({
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
      expiration: Date.parse('2026-11-22T13:00:00Z'),
      receivedAt: NOW,
      assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/Demo/0123',
      sourceIdentity: 'CN=test',
      subjectArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:subject/99999999-8888-7777-6666-555555555555',
      requestId: 'request-1',
    });
    expect(session.secretAccessKey.reveal()).toBe(SECRET_ACCESS_KEY);
    expect(session.sessionToken.reveal()).toBe(SESSION_TOKEN);
    expect(Object.isFrozen(session)).toBe(true);
    expect(JSON.stringify(session)).not.toContain(SECRET_ACCESS_KEY);
  });

  it('needs only the credentials, and ignores unknown fields', () => {
    const credentials = (grantedBody('2026-11-22T13:00:00Z')['credentialSet'] as [{ credentials: object }])[0]
      .credentials;
    const body = JSON.stringify({ credentialSet: [{ credentials, assumedRoleUser: 7, new: {} }], enrollmentArn: null });
    const session = sessionFrom({ status: 200, headers: {}, body }, NOW);
    expect(session).toMatchObject({ assumedRoleArn: '', sourceIdentity: undefined, requestId: undefined });
  });

  it.each([
    ['', 'RA_ANSWER_NOT_JSON'],
    ['<html>', 'RA_ANSWER_NOT_JSON'],
    [JSON.stringify(grantedBody('2026-11-22T13:00:00Z')).slice(0, -1), 'RA_ANSWER_NOT_JSON'],
    ['null', 'RA_ANSWER_INCOMPLETE'],
    ['[]', 'RA_ANSWER_INCOMPLETE'],
    ['{}', 'RA_ANSWER_INCOMPLETE'],
    ['{"credentialSet":[]}', 'RA_ANSWER_INCOMPLETE'],
    ['{"credentialSet":{"0":{}}}', 'RA_ANSWER_INCOMPLETE'],
    ['{"credentialSet":[null]}', 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ accessKeyId: '' }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ accessKeyId: null }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ secretAccessKey: undefined }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ secretAccessKey: 'two\nlines' }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ sessionToken: 7 }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ sessionToken: ' ' }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ sessionToken: ' x' }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ sessionToken: 'x ' }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ sessionToken: 'x'.repeat(32_769) }), 'RA_ANSWER_INCOMPLETE'],
    [withCredentials({ sessionToken: 'x'.repeat(32_768) }), 'a session'],
  ])('is rejected: %.60s', (body, code) => {
    expect(outcome(body)).toBe(code);
  });

  it.each([
    ['2026-11-22T12:00:01Z', 'a session'],
    ['2026-11-22T13:00:00.999Z', 'a session'],
    ['2026-11-23T00:00:00Z', 'a session'],
    ['2026-11-22T12:00:00Z', 'RA_ANSWER_EXPIRED'],
    ['0001-01-01T00:00:00Z', 'RA_ANSWER_EXPIRED'],
    ['2026-11-23T00:15:00Z', 'a session'],
    ['2026-11-23T00:15:01Z', 'RA_ANSWER_TOO_LONG'],
    ['9999-12-31T23:59:59Z', 'RA_ANSWER_TOO_LONG'],
    ['2026-11-22T13:00:00', 'RA_ANSWER_INCOMPLETE'],
    ['2026-11-31T13:00:00Z', 'RA_ANSWER_INCOMPLETE'],
    ['2026-11-22T24:00:00Z', 'RA_ANSWER_INCOMPLETE'],
    ['22 Nov 2026 13:00:00 GMT', 'RA_ANSWER_INCOMPLETE'],
    ['', 'RA_ANSWER_INCOMPLETE'],
    [1_795_352_400, 'RA_ANSWER_INCOMPLETE'],
    [['2026-11-22T13:00:00Z'], 'RA_ANSWER_INCOMPLETE'],
    ['x2026-11-22T13:00:00Z', 'RA_ANSWER_INCOMPLETE'],
    ['2026-11-22T13:00:00Zx', 'RA_ANSWER_INCOMPLETE'],
    ['2026-11-22T13:00:00.Z', 'RA_ANSWER_INCOMPLETE'],
  ])('ending %s is %s', (expiration, expected) => {
    expect(outcome(withCredentials({ expiration }))).toBe(expected);
  });

  it.each([
    ['{', 'the answer (1 characters) is not JSON'],
    ['{}', 'the answer has no usable credentialSet[0].credentials.accessKeyId'],
    [withCredentials({ expiration: 7 }), 'the answer has no usable credentialSet[0].credentials.expiration'],
    [
      withCredentials({ expiration: '2026-11-22T11:59:59Z' }),
      'the session ends at 2026-11-22T11:59:59Z, and here it is 2026-11-22T12:00:00Z',
    ],
  ])('reports the problem of %.60s', (body, message) => {
    expect(() => sessionFrom({ ...granted(), body }, NOW)).toThrow(message);
  });

  it.each([
    ['', undefined],
    ['x'.repeat(2_048), 'x'.repeat(2_048)],
    ['x'.repeat(2_049), undefined],
    [7, undefined],
  ])('accepts texts up to a limit: %.10s', (subjectArn, expected) => {
    const body = JSON.stringify({ ...grantedBody('2026-11-22T13:00:00Z'), subjectArn });
    expect(sessionFrom({ ...granted(), body }, NOW).subjectArn).toBe(expected);
  });

  it('accepts no inherited field', () => {
    const body = withCredentials({}).replace('"accessKeyId"', '"__proto__":{"accessKeyId":"x"},"other"');
    expect(outcome(body)).toBe('RA_ANSWER_INCOMPLETE');
  });

  it('yields only a session or a code', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        expect(outcome(body)).toMatch(/^RA_ANSWER_/);
      }),
    );
  });

  it('never shows a secret, wherever the answer is cut off', () => {
    const whole = JSON.stringify(grantedBody('2026-11-22T13:00:00Z'));
    for (let length = 0; length < whole.length; length += 1)
      expect(outcome(whole.slice(0, length))).toBe('RA_ANSWER_NOT_JSON');
  });
});
