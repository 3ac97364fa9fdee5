import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHttpDate } from '../../src/rolesanywhere/clock-offset.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import { refusalOf } from '../../src/rolesanywhere/refusal.ts';
import { rolesAnywhereErrors } from '../../src/rolesanywhere/rolesanywhere-errors.ts';
import { type HttpAnswer, requestIdOf } from '../../src/rolesanywhere/send.ts';
import { NOW, refused, target } from './support.ts';

const UNABLE = `Unable to assume role for ${target.roleArn}`;

// Observed wording of the service. The project's reference has the evidence (roles-anywhere 1.4).
const OBSERVED = [
  ['Untrusted certificate. Insufficient certificate', 'RA_INSUFFICIENT_CERTIFICATE'],
  ['Untrusted signing certificate', 'RA_UNTRUSTED_SIGNING_CERTIFICATE'],
  ['Untrusted Signing Certificate', 'RA_UNTRUSTED_SIGNING_CERTIFICATE'],
  ['Invalid signature', 'RA_INVALID_SIGNATURE'],
  ["Specified Trust Anchor wasn't found.", 'RA_TRUST_ANCHOR_NOT_FOUND'],
  ['Invalid or empty profile provided.', 'RA_PROFILE_INVALID'],
  ["Requested Role isn't one of those listed in the Profile.", 'RA_ROLE_NOT_ON_PROFILE'],
  ['Not authorized to set roleSessionName', 'RA_SESSION_NAME_REFUSED'],
  ['Not authorized to set roleSessionName.', 'RA_SESSION_NAME_REFUSED'],
  [UNABLE, 'RA_CANNOT_ASSUME_ROLE'],
  [`${UNABLE}.`, 'RA_CANNOT_ASSUME_ROLE'],
  [
    `${UNABLE}. Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]`,
    'RA_ATTRIBUTES_NOT_MAPPED',
  ],
  [
    `${UNABLE}. The requested DurationSeconds exceeds the MaxSessionDuration set for this role.`,
    'RA_DURATION_EXCEEDS_ROLE',
  ],
  ['Certificate revoked', 'RA_CERTIFICATE_REVOKED'],
  ['Something new', 'RA_REFUSED'],
] as const;

describe('a refusal', () => {
  it.each(OBSERVED)('"%s" is %s', (message, code) => {
    for (const wording of [message, message.toUpperCase(), `${message.replace(/\.$/, '')}.`]) {
      const failure = refusalOf(refused(wording), NOW);
      expect([failure.code, failure.retry]).toEqual([code, 'slow']);
      expect(failure.message).toContain(wording);
      expect(failure.remedy).toBe(rolesAnywhereErrors[code]);
      expect(failure.requestId).toBe('request-1');
    }
  });

  it.each([
    [400, {}, '{"message":"1 validation error detected"}', 'RA_VALIDATION', 'slow'],
    [403, { 'x-amzn-errortype': 'ValidationException' }, '{}', 'RA_VALIDATION', 'slow'],
    [403, {}, '{"__type":"com.amazonaws#ValidationException:more"}', 'RA_VALIDATION', 'slow'],
    [401, {}, '', 'RA_REFUSED', 'slow'],
    [403, {}, '<html>Blocked by the firewall</html>', 'RA_REFUSED', 'slow'],
    [404, {}, '{"message":"Not Found"}', 'RA_NOT_FOUND', 'slow'],
    [302, { location: 'https://portal.example/login' }, '', 'RA_REDIRECTED', 'slow'],
    [304, {}, '', 'RA_REDIRECTED', 'slow'],
    [300, {}, '', 'RA_REDIRECTED', 'slow'],
    [399, {}, '', 'RA_REDIRECTED', 'slow'],
    [299, {}, '', 'RA_UNEXPECTED_STATUS', 'slow'],
    [499, {}, '', 'RA_UNEXPECTED_STATUS', 'slow'],
    [418, {}, '', 'RA_UNEXPECTED_STATUS', 'slow'],
    [408, {}, '', 'RA_UNAVAILABLE', 'soon'],
    [500, {}, 'null', 'RA_UNAVAILABLE', 'soon'],
    [502, {}, '<html>', 'RA_UNAVAILABLE', 'soon'],
    [503, {}, '', 'RA_UNAVAILABLE', 'soon'],
    [429, {}, '', 'RA_THROTTLED', 'throttled'],
    [400, { 'x-amzn-errortype': 'ThrottlingException:' }, '{}', 'RA_THROTTLED', 'throttled'],
    [400, { 'x-amzn-errortype': 'TooManyRequestsException' }, '{}', 'RA_THROTTLED', 'throttled'],
    [400, { 'x-amzn-errortype': 'LimitExceededException' }, '{}', 'RA_THROTTLED', 'throttled'],
    [400, {}, '{"message":"Rate exceeded"}', 'RA_THROTTLED', 'throttled'],
    [503, {}, '{"code":"SlowDown"}', 'RA_THROTTLED', 'throttled'],
  ] as const)('%i %j %s is %s', (status, headers, body, code, retry) => {
    const failure = refusalOf({ status, headers, body }, NOW);
    expect([failure.code, failure.retry]).toEqual([code, retry]);
  });

  it("shows the emulator's detail in one short line", () => {
    const headers = { 'x-emulator-detail': `the key is wrong\u001b[31m${'.'.repeat(3_000)}` };
    const { message } = refusalOf(refused('Invalid signature', headers), NOW);
    expect(message).toContain("the emulator's reason: the key is wrong [31m...");
    expect(message.length).toBeLessThan(700);
  });

  it('shows the target of a redirect, and warns if the answer may not be from AWS', () => {
    const answer: HttpAnswer = { status: 302, headers: { location: 'https://portal.example/login' }, body: '' };
    expect(refusalOf(answer, NOW).message).toBe(
      'the endpoint answered 302 without a message; redirecting to https://portal.example/login; no request id, so the response may not be from AWS',
    );
    expect(refusalOf(refused('Something new'), NOW).message).toBe(
      'the endpoint answered 403 AccessDeniedException "Something new"',
    );
  });

  it('quotes at most 500 characters, on one line and without control characters', () => {
    const { message } = refusalOf(refused(`a\u001b[31m\r\nb\u202ec\u2028${'x'.repeat(10_000)}`), NOW);
    expect(message).toContain('"a [31m b c x');
    expect(message.length).toBeLessThan(600);
  });

  it.each([
    ['{"message":"why"}', ' "why"'],
    ['{"Message":"why"}', ' "why"'],
    ['{"message":"","Message":"why"}', ' "why"'],
    ['{"message":" why "}', ' "why"'],
    ['{"__type":"a.b#Name:http://c","message":"why"}', ' Name "why"'],
    ['{"code":"Name","message":"why"}', ' Name "why"'],
    ['{"Code":" Name ","message":"why"}', ' Name "why"'],
    ['{"__type":"","code":"Name","message":"why"}', ' Name "why"'],
    ['{"code":"No name","message":"why"}', ' "why"'],
    ['{"code":"Name!","message":"why"}', ' "why"'],
    ['{}', ' without a message'],
    ['', ' without a message'],
    ['7', ' "7"'],
    ['"why"', ' without a message'],
    ['null', ' "null"'],
    ['blocked [by] the firewall', ' "blocked [by] the firewall"'],
    ['{"message":"why', ' without a message'],
    [' \n{"message":"why', ' without a message'],
    ['[{"message":"why', ' without a message'],
    [`{"message":"${'x'.repeat(500)}"}`, ` "${'x'.repeat(500)}"`],
    [`{"message":"${'x'.repeat(501)}"}`, ` "${'x'.repeat(500)}…"`],
  ])('quotes type and message of %.60s', (body, text) => {
    const headers = { 'x-amzn-requestid': 'request-1' };
    expect(refusalOf({ status: 403, headers, body }, NOW).message).toBe(`the endpoint answered 403${text}`);
  });

  it('does not quote what could be a truncated answer', () => {
    const body = '{"credentialSet":[{"credentials":{"secretAccessKey":"hunter2';
    expect(refusalOf({ status: 500, headers: {}, body }, NOW).message).not.toContain('hunter2');
  });
});

describe('the id of a request', () => {
  it.each(['1', 'request-1_A', 'x'.repeat(100)])('%.10s', (id) => {
    expect(requestIdOf({ headers: { 'x-amzn-requestid': id } })).toBe(id);
  });

  it.each(['', 'two words', ' x', 'x ', 'x\n', '<b>', 'x'.repeat(101)])('is not %j', (id) => {
    expect(requestIdOf({ headers: { 'x-amzn-requestid': id } })).toBeUndefined();
  });

  it('may be missing', () => {
    expect(requestIdOf({ headers: {} })).toBeUndefined();
  });
});

describe('a date of an answer', () => {
  it('has one form', () => {
    const date = 'Sun, 22 Nov 2026 12:00:00 GMT';
    expect(parseHttpDate(date)).toBe(NOW);
    for (const text of [`x ${date}`, `${date}+0500`, '2026-11-22T12:00:00Z', '', undefined])
      expect(parseHttpDate(text), text).toBeUndefined();
  });
});

describe('a wrong clock', () => {
  const at = (time: string): Record<string, string> => ({ date: new Date(time).toUTCString() });

  it.each([
    ['2026-11-22T12:30:00Z', '1800 seconds behind'],
    ['2026-11-22T11:54:59Z', '301 seconds ahead of'],
    ['2036-11-22T12:00:00Z', '315619200 seconds behind'],
  ])('is recognised when the service says %s', (time, words) => {
    for (const message of ['Invalid signature', 'Something new', 'Untrusted signing certificate']) {
      const failure = refusalOf(refused(message, at(time)), NOW);
      expect([failure.code, failure.retry]).toEqual(['RA_CLOCK_OFF', 'soon']);
      expect(failure.message).toContain(`the clock of this machine is ${words} the service's`);
      expect(failure.message).toContain(message);
      expect(failure.requestId).toBe('request-1');
    }
  });

  it('is not blamed within five minutes, without a date, or for a busy service', () => {
    const code = (answer: HttpAnswer): string => refusalOf(answer, NOW).code;
    expect(code(refused('Invalid signature', at('2026-11-22T12:05:00Z')))).toBe('RA_INVALID_SIGNATURE');
    expect(code(refused('Invalid signature', { date: 'yesterday' }))).toBe('RA_INVALID_SIGNATURE');
    expect(code(refused('Invalid signature', { date: 'Sun, 99 Nov 2026 12:00:00 GMT' }))).toBe('RA_INVALID_SIGNATURE');
    expect(code(refused('', at('2026-11-22T13:00:00Z'), 503))).toBe('RA_UNAVAILABLE');
    expect(code(refused('', at('2026-11-22T13:00:00Z'), 429))).toBe('RA_THROTTLED');
  });
});

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    ['999999999999', 3_600_000],
    ['Sun, 22 Nov 2026 12:02:00 GMT', 120_000],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['5s', undefined],
    ['s5', undefined],
    ['soon', undefined],
  ])('%s is %s ms', (value, expected) => {
    expect(refusalOf(refused('', { 'retry-after': value }, 503), NOW).retryAfterMs).toBe(expected);
  });

  it('as a date is relative to the clock of the service', () => {
    const headers = { 'retry-after': 'Sun, 22 Nov 2026 18:01:00 GMT', date: 'Sun, 22 Nov 2026 18:00:00 GMT' };
    expect(refusalOf(refused('', headers, 503), NOW).retryAfterMs).toBe(60_000);
  });
});

it('any answer becomes one failure with a code', () => {
  const headerNames = fc.constantFrom(
    'x-amzn-errortype',
    'x-amzn-requestid',
    'date',
    'retry-after',
    'location',
    '__proto__',
  );
  const headers = fc.dictionary(headerNames, fc.string({ unit: 'binary' }));
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.record({ message: fc.anything(), __type: fc.anything() }).map(json),
  );
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), headers, body, (status, headers, body) => {
      const failure = refusalOf({ status, headers, body }, NOW);
      expect(failure).toBeInstanceOf(ExchangeFailure);
      expect(Object.keys(rolesAnywhereErrors)).toContain(failure.code);
      expect(failure.message).toMatch(/^[^\p{C}]{10,1400}$/u);
    }),
  );
});

/** As JSON, if it can be expressed that way. */
function json(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
}
