import { elementIn, textIn } from '../foundation/xml-text.ts';
import { grantedKeys } from '../rolesanywhere/granted-keys.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { type HttpAnswer, requestIdOf } from '../rolesanywhere/send.ts';
import { stsError } from './sts-errors.ts';

/** The longest ARN of AWS. These texts are logged. */
const LONGEST_TEXT = 2_048;

/**
 * Reads the complete, unexpired session of an AssumeRole answer. Ignores unknown fields.
 *
 * @throws CodedError STS_ANSWER_*, without any value of the answer that could be secret.
 */
export function chainedSession(first: RoleSession): (answer: HttpAnswer, now: number) => RoleSession {
  return (answer, now) => {
    const result = elementIn(answer.body, 'AssumeRoleResult') ?? '';
    const credentials = elementIn(result, 'Credentials') ?? '';
    const field = (name: string): string | undefined => textIn(credentials, name.replace(/^./, upper));
    const optional = (within: string, name: string): string | undefined => {
      const text = textIn(within, name);
      return text !== '' && (text?.length ?? 0) <= LONGEST_TEXT ? text : undefined;
    };
    const keys = grantedKeys({ place: 'AssumeRoleResult.Credentials', field }, now, (code, what) =>
      stsError(`STS_${code}`, what),
    );
    return Object.freeze({
      ...keys,
      assumedRoleArn: optional(elementIn(result, 'AssumedRoleUser') ?? '', 'Arn') ?? '',
      // The session inherits it even where the answer leaves it out.
      sourceIdentity: optional(result, 'SourceIdentity') ?? first.sourceIdentity,
      subjectArn: first.subjectArn,
      requestId: requestIdOf(answer),
      firstHop: Object.freeze({
        assumedRoleArn: first.assumedRoleArn,
        accessKeyId: first.accessKeyId,
        requestId: first.requestId,
      }),
    });
  };
}

function upper(letter: string): string {
  return letter.toUpperCase();
}
