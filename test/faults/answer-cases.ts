import type { Fault } from '../../src/emulator/control/faults.ts';
import type { BadDay } from './bad-day.ts';
import type { Trouble } from './retry-bounds.ts';

// Possible answers of the service, including none.

export interface AnswerCase extends BadDay {
  readonly fault: Fault;
}

/** Long enough that the remaining time of a session has some failures, not dozens. */
const THINKING_MS = 1_500;

/** A call that is given up after 15 s started slightly before the service saw it. */
const GIVEN_UP_MS = 10_000;

function bad(name: string, code: string, fault: Fault, trouble: Trouble = { retry: 'soon' }): AnswerCase {
  const { latencyMs = THINKING_MS, hang = false } = fault;
  const callMs = hang ? GIVEN_UP_MS : Math.min(latencyMs, GIVEN_UP_MS);
  return { name, code, trouble, callMs, fault: { latencyMs, ...fault } };
}

const BAD_MOMENTS: readonly AnswerCase[] = [
  bad('latency-30s', 'RA_DEADLINE_EXCEEDED', { latencyMs: 30_000 }),
  bad('silent', 'RA_DEADLINE_EXCEEDED', { hang: true }),
  bad('reset', 'RA_CONNECTION_LOST', { reset: true }),
  bad('status-500', 'RA_UNAVAILABLE', { status: 500 }),
  bad('status-503', 'RA_UNAVAILABLE', { status: 503 }),
  bad('status-503-page', 'RA_UNAVAILABLE', { status: 503, body: '<html>Bad gateway</html>' }),
  // Answered after the session has expired: the first failure then finds no session, so the wait is
  // at most 15 s instead of 120.
  bad('status-429', 'RA_THROTTLED', { status: 429, latencyMs: 9_000 }, { retry: 'throttled' }),
  bad('retry-after', 'RA_THROTTLED', { status: 429, retryAfter: 12 }, { retry: 'throttled', retryAfterMs: 12_000 }),
];

const USELESS_GRANTS: readonly AnswerCase[] = [
  bad('no-token', 'RA_ANSWER_INCOMPLETE', { credentials: { sessionToken: null } }),
  bad('empty-secret', 'RA_ANSWER_INCOMPLETE', { credentials: { secretAccessKey: '' } }),
  bad('no-expiration', 'RA_ANSWER_INCOMPLETE', { credentials: { expiration: null } }),
  bad('expired', 'RA_ANSWER_EXPIRED', { credentials: { expiration: '2020-01-01T00:00:00Z' } }),
  bad('far-future', 'RA_ANSWER_TOO_LONG', { credentials: { expiration: '2999-01-01T00:00:00Z' } }),
  bad('huge-field', 'RA_ANSWER_INCOMPLETE', { credentials: { sessionToken: 'x'.repeat(100_000) } }),
  bad('not-json', 'RA_ANSWER_NOT_JSON', { body: 'Welcome to this hotel' }),
  bad('ten-mebibytes', 'RA_ANSWER_TOO_LARGE', { padding: 10 * 1024 * 1024 }),
];

const refused = (name: string, code: string, message: string): AnswerCase =>
  bad(name, code, { status: 403, message }, { retry: 'slow' });

const ROLE = 'arn:aws:iam::111122223333:role/device';

/** Observed words of the service. */
const REFUSALS: readonly AnswerCase[] = [
  refused('insufficient', 'RA_INSUFFICIENT_CERTIFICATE', 'Untrusted certificate. Insufficient certificate'),
  refused('untrusted', 'RA_UNTRUSTED_SIGNING_CERTIFICATE', 'Untrusted signing certificate'),
  refused('signature', 'RA_INVALID_SIGNATURE', 'Invalid signature'),
  refused('trust-anchor', 'RA_TRUST_ANCHOR_NOT_FOUND', "Specified Trust Anchor wasn't found."),
  refused('profile', 'RA_PROFILE_INVALID', 'Invalid or empty profile provided.'),
  refused('not-listed', 'RA_ROLE_NOT_ON_PROFILE', "Requested Role isn't one of those listed in the Profile."),
  refused('session-name', 'RA_SESSION_NAME_REFUSED', 'Not authorized to set roleSessionName'),
  refused('trust-policy', 'RA_CANNOT_ASSUME_ROLE', `Unable to assume role for ${ROLE}`),
  refused(
    'attributes',
    'RA_ATTRIBUTES_NOT_MAPPED',
    `Unable to assume role for ${ROLE}. Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]`,
  ),
  refused(
    'duration',
    'RA_DURATION_EXCEEDS_ROLE',
    `Unable to assume role for ${ROLE}. The requested DurationSeconds exceeds the MaxSessionDuration set for this role.`,
  ),
  refused('revoked', 'RA_CERTIFICATE_REVOKED', 'Certificate revoked'),
  refused('other-403', 'RA_REFUSED', 'These words are new'),
  // Redirects back here, so that following it would show as an immediate second call.
  bad('redirect', 'RA_REDIRECTED', { status: 307, location: '/elsewhere/sessions' }, { retry: 'slow' }),
];

export const ANSWER_CASES: readonly AnswerCase[] = [...BAD_MOMENTS, ...USELESS_GRANTS, ...REFUSALS];
