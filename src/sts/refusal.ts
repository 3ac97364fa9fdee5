/** Classifies answers of AssumeRole without a session. Only this file knows the wording of STS. */
import { elementIn, textIn } from '../foundation/xml-text.ts';
import type { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import { refusalBy, type Rule, slow, type Wording } from '../rolesanywhere/refusal.ts';
import { readRefusal, type Refusal, statedRefusal } from '../rolesanywhere/refusal-answer.ts';
import type { HttpAnswer } from '../rolesanywhere/send.ts';
import { stsError, type StsErrorCode } from './sts-errors.ts';

/** @param now - milliseconds since the epoch, when the answer came. */
export function stsRefusal(answer: HttpAnswer, now: number): ExchangeFailure {
  return refusalBy(WORDING, refusalIn(answer), answer, now);
}

/**
 * `ErrorResponse` of the query protocol. A proxy answers differently, and its text is shown, unless
 * it could be a granted session.
 */
function refusalIn(answer: HttpAnswer): Refusal {
  const error = elementIn(answer.body, 'Error');
  if (error === undefined) return GRANTED.test(answer.body) ? statedRefusal(answer, '', '') : readRefusal(answer);
  return statedRefusal(answer, textIn(error, 'Code') ?? '', textIn(error, 'Message') ?? '');
}

const GRANTED = /Credentials|SecretAccessKey|SessionToken/;

const CLOCK_TYPES = /^(?:SignatureDoesNotMatch|RequestExpired|InvalidSignatureException)$/;

const WORDING: Wording<StsErrorCode> = {
  throttled: 'STS_THROTTLED',
  unavailable: 'STS_UNAVAILABLE',
  // The first match counts.
  refused: [
    denied('STS_SOURCE_IDENTITY_DENIED', /perform: sts:SetSourceIdentity/i),
    denied('STS_TAG_SESSION_DENIED', /perform: sts:TagSession/i),
    denied('STS_ASSUME_ROLE_DENIED', /perform: sts:AssumeRole/i),
    { code: 'STS_TOKEN_EXPIRED', retry: 'soon', fits: ({ type }) => /^ExpiredToken(?:Exception)?$/.test(type) },
    slow('STS_TOKEN_REFUSED', ({ type }) => type === 'InvalidClientTokenId'),
    slow('STS_REGION_DISABLED', ({ type }) => /^RegionDisabled(?:Exception)?$/.test(type)),
    slow('STS_PACKED_POLICY_TOO_LARGE', ({ type }) => /^PackedPolicyTooLarge(?:Exception)?$/.test(type)),
    slow('STS_MALFORMED_POLICY', ({ type }) => /^MalformedPolicyDocument(?:Exception)?$/.test(type)),
    slow(
      'STS_DURATION_REFUSED',
      ({ type, message }) => isValidation(type) && /requested DurationSeconds/i.test(message),
    ),
    slow('STS_TAGS_REFUSED', ({ type, message }) => type === 'InvalidParameterValue' && /tag/i.test(message)),
    slow('STS_VALIDATION', ({ type }) => isValidation(type)),
    slow('STS_INVALID_SIGNATURE', ({ type }) => CLOCK_TYPES.test(type) || type === 'IncompleteSignature'),
    slow('STS_REFUSED', ({ status }) => status === 401 || status === 403),
  ],
  unexpected: 'STS_UNEXPECTED_STATUS',
  mayBeClock: ({ type }) => CLOCK_TYPES.test(type),
  error: stsError,
};

function isValidation(type: string): boolean {
  return /^(?:ValidationError|ValidationException|InvalidParameterValue|InvalidParameterCombination)$/.test(type);
}

function denied(code: StsErrorCode, wording: RegExp): Rule<StsErrorCode> {
  return slow(code, ({ type, message }) => /^AccessDenied/.test(type) && wording.test(message));
}
