import { isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { Secret } from '../foundation/secret.ts';
import type { RoleSession } from './role-session.ts';

/** The error of an unusable answer. `code` is the part after the prefix of the service. */
export type Unusable = (code: 'ANSWER_INCOMPLETE' | 'ANSWER_EXPIRED' | 'ANSWER_TOO_LONG', what: string) => CodedError;

export type GrantedKeys = Pick<
  RoleSession,
  'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration' | 'receivedAt'
>;

/** The fields of an answer, by their names in CreateSession. */
export interface AnsweredKeys {
  /** Where they are in the answer, for messages. */
  readonly place: string;
  readonly field: (name: string) => unknown;
}

/**
 * The complete, unexpired keys of an answer.
 *
 * @param now - milliseconds since the epoch, when the answer came.
 * @throws what `unusable` returns, without any value of the answer that could be secret.
 */
export function grantedKeys({ place, field }: AnsweredKeys, now: number, unusable: Unusable): GrantedKeys {
  const incomplete = (name: string): CodedError =>
    unusable('ANSWER_INCOMPLETE', `the answer has no usable ${place}.${name}`);
  const text = (name: string): string => {
    const value = field(name);
    if (isKeyText(value)) return value;
    throw incomplete(name);
  };
  const keys = {
    accessKeyId: text('accessKeyId'),
    secretAccessKey: new Secret(text('secretAccessKey')),
    sessionToken: new Secret(text('sessionToken')),
  };
  const expiration = wholeSeconds(field('expiration'));
  if (expiration === undefined) throw incomplete('expiration');
  const times = `the session ends at ${isoSeconds(expiration)}, and here it is ${isoSeconds(now)}`;
  if (expiration <= now) throw unusable('ANSWER_EXPIRED', times);
  if (expiration > now + LONGEST_SESSION_MS) throw unusable('ANSWER_TOO_LONG', times);
  return { ...keys, expiration, receivedAt: now };
}

/**
 * Credentials go into HTTP headers. SDKs require visible ASCII, and servers reject more than 32
 * KiB.
 */
function isKeyText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,32768}$/.test(value);
}

/** The longest possible session, plus some minutes for clock differences. */
const LONGEST_SESSION_MS = (12 * 60 + 15) * 60_000;

const ISO_8601_UTC = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d+)?Z$/;

/** Date.parse alone accepts nearly everything, and turns 30 February into a day in March. */
function wholeSeconds(value: unknown): number | undefined {
  const text = typeof value === 'string' ? ISO_8601_UTC.exec(value)?.[1] : undefined;
  const time = text === undefined ? NaN : Date.parse(`${text}Z`);
  return !Number.isNaN(time) && isoSeconds(time) === `${text ?? ''}Z` ? time : undefined;
}
