import { isoSeconds } from '../foundation/clock.ts';
import { Secret } from '../foundation/secret.ts';
import type { RoleSession } from './role-session.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import { type HttpAnswer, requestIdOf } from './send.ts';

/** The longest possible session, plus some minutes for clock differences. */
const LONGEST_SESSION_MS = (12 * 60 + 15) * 60_000;

/**
 * The complete, unexpired session of a CreateSession answer. Ignores unknown fields.
 *
 * @param now - milliseconds since the epoch, when the answer came.
 * @throws CodedError RA_ANSWER_*, without any value of the answer that could be secret.
 */
export function sessionFrom(answer: HttpAnswer, now: number): RoleSession {
  const body = parseJson(answer.body);
  const granted = first(field(body, 'credentialSet'));
  const credentials = field(granted, 'credentials');
  return Object.freeze({
    accessKeyId: keyText(credentials, 'accessKeyId'),
    secretAccessKey: new Secret(keyText(credentials, 'secretAccessKey')),
    sessionToken: new Secret(keyText(credentials, 'sessionToken')),
    expiration: expirationOf(credentials, now),
    receivedAt: now,
    assumedRoleArn: optionalText(field(granted, 'assumedRoleUser'), 'arn') ?? '',
    sourceIdentity: optionalText(granted, 'sourceIdentity'),
    subjectArn: optionalText(body, 'subjectArn'),
    requestId: requestIdOf(answer),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Do not set a cause: V8 quotes the text in its message.
    throw rolesAnywhereError('RA_ANSWER_NOT_JSON', `the answer (${text.length} characters) is not JSON`);
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? (value as unknown[])[0] : undefined;
}

/**
 * Credentials go into HTTP headers. SDKs require visible ASCII, and servers reject more than 32
 * KiB.
 */
function keyText(credentials: unknown, name: string): string {
  const value = field(credentials, name);
  if (typeof value === 'string' && /^[\x21-\x7e]{1,32768}$/.test(value)) return value;
  throw rolesAnywhereError('RA_ANSWER_INCOMPLETE', `the answer has no usable credentialSet[0].credentials.${name}`);
}

/** The longest ARN of AWS. These texts are logged. */
const LONGEST_TEXT = 2_048;

function optionalText(value: unknown, name: string): string | undefined {
  const text = field(value, name);
  return typeof text === 'string' && text !== '' && text.length <= LONGEST_TEXT ? text : undefined;
}

const ISO_8601_UTC = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?Z$/;

function expirationOf(credentials: unknown, now: number): number {
  const expiration = wholeSeconds(field(credentials, 'expiration'));
  if (expiration === undefined)
    throw rolesAnywhereError(
      'RA_ANSWER_INCOMPLETE',
      'the answer has no usable credentialSet[0].credentials.expiration',
    );
  const times = `the session ends at ${isoSeconds(expiration)}, and here it is ${isoSeconds(now)}`;
  if (expiration <= now) throw rolesAnywhereError('RA_ANSWER_EXPIRED', times);
  if (expiration > now + LONGEST_SESSION_MS) throw rolesAnywhereError('RA_ANSWER_TOO_LONG', times);
  return expiration;
}

/** Date.parse alone accepts nearly everything, and turns 30 February into a day in March. */
function wholeSeconds(value: unknown): number | undefined {
  const text = typeof value === 'string' ? ISO_8601_UTC.exec(value)?.[1] : undefined;
  const time = text === undefined ? NaN : Date.parse(`${text}Z`);
  return !Number.isNaN(time) && isoSeconds(time) === `${text ?? ''}Z` ? time : undefined;
}
