import { type Answer, answerOf, type AnswerStatus, type Outcome } from '../endpoints/answer.ts';
import { isoSeconds } from '../foundation/clock.ts';
import { parseArn } from '../rolesanywhere/arn.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';

/**
 * The fields that SDKs read: all four of the keys and Expiration as strings, times with `Z` (JS
 * v3), no `Code`.
 */
export function credentialBody(roleArn: string, session: RoleSession): string {
  return JSON.stringify({
    RoleArn: roleArn,
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey.reveal(),
    Token: session.sessionToken.reveal(),
    Expiration: isoSeconds(session.expiration),
    AccountId: parseArn(roleArn, 'role').accountId,
  });
}

/**
 * The output that an SDK expects from a `credential_process`, so that `curl` on the Unix socket can
 * be one.
 */
export function processBody(session: RoleSession): string {
  return JSON.stringify({
    Version: 1,
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey.reveal(),
    SessionToken: session.sessionToken.reveal(),
    Expiration: isoSeconds(session.expiration),
  });
}

export function success(body: string, outcome: Outcome): Answer {
  return answerOf(200, HEADERS, body, outcome);
}

/** Go compares the Content-Type of errors exactly, so no charset. */
const HEADERS = ['content-type', 'application/json', 'cache-control', 'no-store'];

const REASONS = {
  400: ['InvalidRequest', 'This is not a request for container credentials.'],
  401: [
    'InvalidToken',
    'A valid token is required in Authorization; AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names its file.',
  ],
  403: ['AccessDenied', 'Request refused; see the imds-anywhere log.'],
  404: ['NotFound', 'Nothing at this path; credentials are at /v1/credentials/ROLE.'],
  405: ['MethodNotAllowed', 'Use GET to read credentials.'],
  503: ['ServiceUnavailable', 'No credentials available; see the imds-anywhere log.'],
} as const;

/** Always the same bytes for a status, without any part of the request and without secrets. */
export function failure(status: Exclude<AnswerStatus, 200>): Answer {
  const [code, message] = REASONS[status];
  return answerOf(status, HEADERS, JSON.stringify({ code, message }));
}
