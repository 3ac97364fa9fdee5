/**
 * Classifies answers without a session. Only this file knows the wording of the service.
 *
 * The service answers 403 AccessDeniedException for nearly everything, and only its message tells
 * the causes apart. Reports differ in letter case and final dot, so both are ignored.
 */
import type { CodedError } from '../foundation/errors.ts';
import { clockError, parseHttpDate } from './clock-offset.ts';
import { ExchangeFailure, type Retry } from './exchange-failure.ts';
import { readRefusal, type Refusal } from './refusal-answer.ts';
import { rolesAnywhereError, type RolesAnywhereErrorCode } from './rolesanywhere-errors.ts';
import { type HttpAnswer, requestIdOf } from './send.ts';

/** @param now - milliseconds since the epoch, when the answer came. */
export function refusalOf(answer: HttpAnswer, now: number): ExchangeFailure {
  return refusalBy(WORDING, readRefusal(answer), answer, now);
}

/** How a service states its refusals. */
export interface Wording<Code extends string> {
  readonly throttled: Code;
  readonly unavailable: Code;
  /** The first match counts, so specific rules come before general ones. */
  readonly refused: readonly Rule<Code>[];
  readonly unexpected: Code;
  /** Whether a wrong clock can cause it. */
  readonly mayBeClock: (refusal: Refusal) => boolean;
  readonly error: (code: Code, what: string) => CodedError;
}

export interface Rule<Code extends string> {
  readonly code: Code;
  readonly retry: Retry;
  readonly fits: (refusal: Refusal) => boolean;
}

const REFUSED: readonly Rule<RolesAnywhereErrorCode>[] = [
  says('RA_INSUFFICIENT_CERTIFICATE', /insufficient certificate/i),
  says('RA_UNTRUSTED_SIGNING_CERTIFICATE', /untrusted signing certificate/i),
  says('RA_CERTIFICATE_REVOKED', /certificate revoked/i),
  says('RA_INVALID_SIGNATURE', /invalid signature/i),
  says('RA_TRUST_ANCHOR_NOT_FOUND', /trust anchor wasn't found/i),
  says('RA_PROFILE_INVALID', /invalid or empty profile/i),
  says('RA_ROLE_NOT_ON_PROFILE', /role isn't one of those listed in the profile/i),
  says('RA_SESSION_NAME_REFUSED', /not authorized to set roleSessionName/i),
  says('RA_ATTRIBUTES_NOT_MAPPED', /attributes failed to be mapped/i),
  says('RA_DURATION_EXCEEDS_ROLE', /exceeds the MaxSessionDuration/i),
  says('RA_CANNOT_ASSUME_ROLE', /unable to assume role/i),
  slow('RA_VALIDATION', ({ status, type }) => status === 400 || type === 'ValidationException'),
  slow('RA_NOT_FOUND', ({ status }) => status === 404),
  slow('RA_REFUSED', ({ status }) => status === 401 || status === 403),
  slow('RA_REDIRECTED', ({ status }) => status >= 300 && status < 400),
];

const WORDING: Wording<RolesAnywhereErrorCode> = {
  throttled: 'RA_THROTTLED',
  unavailable: 'RA_UNAVAILABLE',
  refused: REFUSED,
  unexpected: 'RA_UNEXPECTED_STATUS',
  mayBeClock: () => true,
  error: rolesAnywhereError,
};

/** Classifies a refusal by the wording of its service. */
export function refusalBy<Code extends string>(
  wording: Wording<Code>,
  refusal: Refusal,
  answer: HttpAnswer,
  now: number,
): ExchangeFailure {
  const details = { requestId: requestIdOf(answer), retryAfterMs: retryAfter(answer, now) };
  const busy = busyBy(wording, refusal);
  const clockIsOff = busy || !wording.mayBeClock(refusal) ? undefined : clockError(answer, now, refusal.text);
  // 'soon': time synchronisation corrects a clock within seconds, and then the next call succeeds.
  if (clockIsOff) return new ExchangeFailure(clockIsOff, { retry: 'soon', ...details });
  const unexpected = { code: wording.unexpected, retry: 'slow' } as const;
  const { code, retry } = busy ?? wording.refused.find(({ fits }) => fits(refusal)) ?? unexpected;
  return new ExchangeFailure(wording.error(code, refusal.text), { retry, ...details });
}

/** A wrong clock cannot cause these. */
function busyBy<Code extends string>(
  { throttled, unavailable }: Wording<Code>,
  refusal: Refusal,
): Pick<Rule<Code>, 'code' | 'retry'> | undefined {
  if (isThrottled(refusal)) return { code: throttled, retry: 'throttled' };
  return refusal.status >= 500 || refusal.status === 408 ? { code: unavailable, retry: 'soon' } : undefined;
}

function says(code: RolesAnywhereErrorCode, wording: RegExp): Rule<RolesAnywhereErrorCode> {
  return slow(code, ({ message }) => wording.test(message));
}

export function slow<Code extends string>(code: Code, fits: Rule<Code>['fits']): Rule<Code> {
  return { code, retry: 'slow', fits };
}

function isThrottled({ status, type, message }: Refusal): boolean {
  return (
    status === 429 || /throttl|TooManyRequests|LimitExceeded|SlowDown/i.test(type) || /rate exceeded/i.test(message)
  );
}

/** Retry-After cannot delay the next call longer than this. */
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;

/** RFC 9110 10.2.3: seconds or a date. A date is relative to the sender's clock. */
function retryAfter({ headers }: HttpAnswer, now: number): number | undefined {
  const value = headers['retry-after'];
  const date = parseHttpDate(value);
  const ms = date !== undefined ? date - (parseHttpDate(headers['date']) ?? now) : seconds(value);
  return ms === undefined ? undefined : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS);
}

function seconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) * 1000 : undefined;
}
