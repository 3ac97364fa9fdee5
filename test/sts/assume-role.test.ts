import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { elementIn, textIn } from '../../src/foundation/xml-text.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { HttpAnswer, HttpRequest } from '../../src/rolesanywhere/send.ts';
import { assumeRoleBy } from '../../src/sts/assume-role.ts';
import { stsErrors } from '../../src/sts/sts-errors.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { assumed, assumedBody, first, NOW, second, SECRET, stsRefused, TOKEN } from './support.ts';

const never = new AbortController().signal;

function answering(answer: HttpAnswer, sent: HttpRequest[] = []): Promise<RoleSession> {
  const send = (request: HttpRequest): Promise<HttpAnswer> => {
    sent.push(request);
    return Promise.resolve(answer);
  };
  return assumeRoleBy({ clock: new VirtualClock(NOW), send })(first, second, never);
}

async function failure(answer: HttpAnswer): Promise<ExchangeFailure> {
  const thrown: unknown = await answering(answer).catch((error: unknown) => error);
  if (!(thrown instanceof ExchangeFailure)) throw new Error('no failure', { cause: thrown });
  return thrown;
}

describe('an AssumeRole answer', () => {
  it('becomes a frozen session that knows the first hop', async () => {
    const session = await answering(assumed(assumedBody(undefined, '<SourceIdentity>CN=a &amp; b</SourceIdentity>')));
    expect(session).toMatchObject({
      accessKeyId: 'ASIASECONDHOPEXAMPLE',
      expiration: Date.parse('2026-11-22T13:00:00Z'),
      receivedAt: NOW,
      assumedRoleArn: 'arn:aws:sts::210987654321:assumed-role/deploy/0123abcd',
      sourceIdentity: 'CN=a & b',
      requestId: 'request-of-second',
      firstHop: {
        assumedRoleArn: first.assumedRoleArn,
        accessKeyId: first.accessKeyId,
        requestId: 'request-of-first',
      },
    });
    expect([session.secretAccessKey.reveal(), session.sessionToken.reveal()]).toEqual([SECRET, TOKEN]);
    expect([Object.isFrozen(session), Object.isFrozen(session.firstHop)]).toEqual([true, true]);
    expect(JSON.stringify(session)).not.toContain(SECRET);
  });

  it('carries the source identity of the first hop if it names none', async () => {
    expect((await answering(assumed())).sourceIdentity).toBe('CN=device-0001');
  });

  it.each([
    ['', 'STS_ANSWER_INCOMPLETE'],
    ['<html>', 'STS_ANSWER_INCOMPLETE'],
    ['{"AssumeRoleResponse":{}}', 'STS_ANSWER_INCOMPLETE'],
    [assumedBody().slice(0, assumedBody().indexOf('</SessionToken>')), 'STS_ANSWER_INCOMPLETE'],
    [assumedBody().replace(SECRET, ''), 'STS_ANSWER_INCOMPLETE'],
    [assumedBody().replace(SECRET, 'two words'), 'STS_ANSWER_INCOMPLETE'],
    [assumedBody().replace(TOKEN, '<b>token</b>'), 'STS_ANSWER_INCOMPLETE'],
    [assumedBody().replace(TOKEN, '&#10;'), 'STS_ANSWER_INCOMPLETE'],
    [assumedBody('2026-02-30T00:00:00Z'), 'STS_ANSWER_INCOMPLETE'],
    [assumedBody('2026-11-22T12:00:00Z'), 'STS_ANSWER_EXPIRED'],
    [assumedBody('2026-11-23T12:00:00Z'), 'STS_ANSWER_TOO_LONG'],
  ])('is refused if it is not complete: %.40s', async (body, code) => {
    const { code: actual, retry, message, cause } = await failure(assumed(body));
    expect([actual, retry]).toEqual([code, 'soon']);
    expect(`${message} ${String(cause)}`).not.toMatch(new RegExp(`${SECRET}|${TOKEN.slice(0, 10)}`));
  });

  it('with a time that only a wrong clock explains says so', async () => {
    const answer = { ...assumed(), headers: { date: 'Sun, 22 Nov 2026 10:00:00 GMT' } };
    const early = { ...answer, body: assumedBody('2026-11-22T11:00:00Z') };
    expect((await failure(early)).code).toBe('RA_CLOCK_OFF');
  });
});

it('never sends the source identity', async () => {
  const sent: HttpRequest[] = [];
  await answering(assumed(), sent);
  expect(sent[0]?.body).not.toContain('SourceIdentity');
});

it.each([
  ['arn:aws:sts::1:assumed-role/Hub/0123abcd', '0123abcd'],
  ['', 'imds-anywhere'],
  ['arn:aws:sts::1:assumed-role/Hub/a b', 'imds-anywhere'],
])('without a session name, the one of the first hop is sent: %s', async (assumedRoleArn, name) => {
  const sent: HttpRequest[] = [];
  const send = (request: HttpRequest): Promise<HttpAnswer> => {
    sent.push(request);
    return Promise.resolve(assumed());
  };
  await assumeRoleBy({ clock: new VirtualClock(NOW), send })({ ...first, assumedRoleArn }, second, never);
  expect(new URLSearchParams(sent[0]?.body).get('RoleSessionName')).toBe(name);
});

const USER = 'User: arn:aws:sts::123456789012:assumed-role/Hub/0123abcd is not authorized to perform:';

// Recorded from the service; the project's reference has the evidence (iam.md 2).
const OBSERVED = [
  ['AccessDenied', 403, `${USER} sts:AssumeRole on resource: ${second.roleArn}`, 'STS_ASSUME_ROLE_DENIED', 'slow'],
  ['AccessDenied', 403, `${USER} sts:TagSession on resource: x`, 'STS_TAG_SESSION_DENIED', 'slow'],
  ['AccessDenied', 403, `${USER} sts:SetSourceIdentity on resource: x`, 'STS_SOURCE_IDENTITY_DENIED', 'slow'],
  ['AccessDenied', 403, 'Something new', 'STS_REFUSED', 'slow'],
  [
    'ValidationError',
    400,
    'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    'STS_DURATION_REFUSED',
    'slow',
  ],
  [
    'ValidationError',
    400,
    'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    'STS_DURATION_REFUSED',
    'slow',
  ],
  ['ValidationError', 400, 'nothing-valid-in-here is invalid', 'STS_VALIDATION', 'slow'],
  [
    'InvalidParameterValue',
    400,
    'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    'STS_TAGS_REFUSED',
    'slow',
  ],
  [
    'PackedPolicyTooLarge',
    400,
    'Packed size of session tags consumes 112% of allotted space.',
    'STS_PACKED_POLICY_TOO_LARGE',
    'slow',
  ],
  ['MalformedPolicyDocument', 400, 'This policy contains invalid Json', 'STS_MALFORMED_POLICY', 'slow'],
  ['RegionDisabledException', 403, 'STS is not activated in this region', 'STS_REGION_DISABLED', 'slow'],
  ['ExpiredToken', 403, 'The security token included in the request is expired', 'STS_TOKEN_EXPIRED', 'soon'],
  ['InvalidClientTokenId', 403, 'The security token included in the request is invalid.', 'STS_TOKEN_REFUSED', 'slow'],
  ['SignatureDoesNotMatch', 403, 'The request signature we calculated does not', 'STS_INVALID_SIGNATURE', 'slow'],
  ['Throttling', 400, 'Rate exceeded', 'STS_THROTTLED', 'throttled'],
  ['RequestLimitExceeded', 503, 'Rate', 'STS_THROTTLED', 'throttled'],
  ['InternalFailure', 500, '', 'STS_UNAVAILABLE', 'soon'],
  ['ServiceUnavailable', 503, '', 'STS_UNAVAILABLE', 'soon'],
  ['AnythingElse', 400, 'what', 'STS_UNEXPECTED_STATUS', 'slow'],
] as const;

describe('a refusal of STS', () => {
  it.each(OBSERVED)('%s %d "%.60s" is %s', async (type, status, message, code, retry) => {
    const refusal = await failure(stsRefused(type, message, status));
    expect([refusal.code, refusal.retry, refusal.requestId]).toEqual([code, retry, 'request-of-second']);
    expect(refusal.message).toContain(message);
    expect(refusal.remedy).toBe(stsErrors[code]);
  });

  it('covers every code of an answer', () => {
    const seen = new Set<string>(OBSERVED.map(([, , , code]) => code));
    const missing = Object.keys(stsErrors).filter(
      (code) => !seen.has(code) && !/^STS_(?:ANSWER|POLICY|PACKED_SIZE)_/.test(code),
    );
    expect(missing).toEqual([]);
  });

  it('of a signature with a wrong clock is about the clock, a denial is not', async () => {
    const date = { date: 'Sun, 22 Nov 2026 10:00:00 GMT' };
    const refusals = [
      await failure(stsRefused('SignatureDoesNotMatch', 'Signature not yet current', 403, date)),
      await failure(stsRefused('AccessDenied', `${USER} sts:AssumeRole on resource: x`, 403, date)),
    ];
    expect(refusals.map(({ code }) => code)).toEqual(['RA_CLOCK_OFF', 'STS_ASSUME_ROLE_DENIED']);
  });

  it('with a granted session in it is not shown', async () => {
    for (const body of [assumedBody(), assumedBody().slice(700)]) {
      const { message } = await failure({ status: 403, headers: {}, body });
      expect(message).not.toMatch(new RegExp(`${SECRET}|${TOKEN.slice(0, 10)}`));
    }
  });

  it('that a proxy made is shown as it is', async () => {
    const { code, message } = await failure({ status: 403, headers: {}, body: '<html>Blocked</html>' });
    expect([code, message]).toEqual(['STS_REFUSED', expect.stringContaining('Blocked')]);
  });
});

it('whatever the network does is a failure that says when to retry', async () => {
  const assumeRole = assumeRoleBy({ clock: new VirtualClock(NOW), send: () => Promise.reject(new Error('no route')) });
  await expect(assumeRole(first, second, never)).rejects.toMatchObject({ retry: 'soon' });
  const elsewhere = { ...second, roleArn: 'arn:aws-moon:iam::210987654321:role/deploy' };
  await expect(assumeRole(first, elsewhere, never)).rejects.toMatchObject({ code: 'PARTITION_UNKNOWN', retry: 'slow' });
});

describe('the text of an element', () => {
  it('is decoded once', () => {
    expect(textIn('<a>&lt;b&gt; &amp;amp; &#228;&#xE4; &quot;&apos; &unknown; &#1114112;</a>', 'a')).toBe(
      '<b> &amp; ää "\' &unknown; &#1114112;',
    );
  });

  it('is found by its whole name', () => {
    expect(textIn('<Arns>1</Arns><Arn x="y">2</Arn>', 'Arn')).toBe('2');
    expect([textIn('<Arn>', 'Arn'), elementIn('', 'Arn'), textIn('<a><b>1</b></a>', 'a')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('comes back from what another writer escapes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
        expect(textIn(`<r><t>${escaped}</t></r>`, 't')).toBe(text);
      }),
    );
  });

  it('of any answer ends in a session or a failure', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.integer({ min: 100, max: 599 }), async (body, status) => {
        const { code } = await failure({ status, headers: {}, body });
        expect(code).toMatch(/^STS_/);
      }),
    );
  });
});

it('the keys of the first hop are in no failure', async () => {
  const send = (request: HttpRequest): Promise<HttpAnswer> =>
    Promise.resolve(stsRefused('AccessDenied', `${USER} sts:AssumeRole on resource: x`, 403, request.headers));
  const secrets = { secretAccessKey: new Secret('secret-of-first'), sessionToken: new Secret('token-of-first') };
  const thrown: unknown = await assumeRoleBy({ clock: new VirtualClock(NOW), send })(
    { ...first, ...secrets },
    second,
    never,
  ).catch((error: unknown) => error);
  expect(JSON.stringify(thrown) + String(thrown)).not.toMatch(/secret-of-first|token-of-first/);
});
