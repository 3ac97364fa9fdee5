import { grantedKeys, type Unusable } from './granted-keys.ts';
import type { RoleSession } from './role-session.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import { type HttpAnswer, requestIdOf } from './send.ts';

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
    ...grantedKeys({ place: 'credentialSet[0].credentials', field: (name) => field(credentials, name) }, now, unusable),
    assumedRoleArn: optionalText(field(granted, 'assumedRoleUser'), 'arn') ?? '',
    sourceIdentity: optionalText(granted, 'sourceIdentity'),
    subjectArn: optionalText(body, 'subjectArn'),
    requestId: requestIdOf(answer),
  });
}

const unusable: Unusable = (code, what) => rolesAnywhereError(`RA_${code}`, what);

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

/** The longest ARN of AWS. These texts are logged. */
const LONGEST_TEXT = 2_048;

function optionalText(value: unknown, name: string): string | undefined {
  const text = field(value, name);
  return typeof text === 'string' && text !== '' && text.length <= LONGEST_TEXT ? text : undefined;
}
