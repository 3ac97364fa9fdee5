import { parseArn } from '../rolesanywhere/arn.ts';
import { exchange, type ExchangeMeans } from '../rolesanywhere/exchange.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { HttpRequest } from '../rolesanywhere/send.ts';
import { chainedSession } from './assume-role-answer.ts';
import type { AssumedRole } from './assumed-role.ts';
import { stsUrl } from './endpoint.ts';
import { FORM, formText } from './query-form.ts';
import { stsRefusal } from './refusal.ts';
import { signedHeaders } from './signed-headers.ts';

/** Exchanges the session of a first role for one of a second role. Rejects only with an ExchangeFailure. */
export type AssumeRole = (first: RoleSession, role: AssumedRole, signal: AbortSignal) => Promise<RoleSession>;

export function assumeRoleBy(means: ExchangeMeans): AssumeRole {
  return (first, role, signal) => {
    const operation = {
      request: (now: number) => Promise.resolve().then(() => signedRequest(first, role, now)),
      session: chainedSession(first),
      refusal: stsRefusal,
    };
    return exchange(operation, means, signal);
  };
}

function signedRequest(first: RoleSession, role: AssumedRole, now: number): HttpRequest {
  const { partition } = parseArn(role.roleArn, 'role');
  const url = stsUrl({ ...role.sts, partition });
  const body = assumeRoleForm(first, role);
  const unsigned = { 'content-type': FORM, host: url.host };
  const request = { method: 'POST', path: url.pathname, query: {}, headers: unsigned, body };
  const headers = signedHeaders(request, first, { region: role.sts.region, service: 'sts', now });
  return { url: url.href, method: 'POST', headers, body };
}

/**
 * The query protocol of STS. SourceIdentity is never sent: the session inherits it, and STS refuses
 * to change it.
 */
function assumeRoleForm(first: RoleSession, role: AssumedRole): string {
  const { roleArn, sessionDuration, roleSessionName, externalId, policy, policyArns, tags, transitiveTagKeys } = role;
  const fields: [string, string | undefined][] = [
    ['Action', 'AssumeRole'],
    ['Version', '2011-06-15'],
    ['RoleArn', roleArn],
    ['RoleSessionName', roleSessionName ?? inheritedName(first)],
    ...policyArns.map((arn, index): [string, string] => [`PolicyArns.member.${index + 1}.arn`, arn]),
    ['Policy', policy],
    ['DurationSeconds', String(sessionDuration)],
    ...Object.entries(tags).flatMap(([key, value], index): [string, string][] => [
      [`Tags.member.${index + 1}.Key`, key],
      [`Tags.member.${index + 1}.Value`, value],
    ]),
    ...transitiveTagKeys.map((key, index): [string, string] => [`TransitiveTagKeys.member.${index + 1}`, key]),
    ['ExternalId', externalId],
  ];
  return formText(fields);
}

/**
 * Roles Anywhere names a session after the serial number of the certificate, so both hops have the
 * same name in CloudTrail.
 */
function inheritedName({ assumedRoleArn }: RoleSession): string {
  const name = assumedRoleArn.slice(assumedRoleArn.lastIndexOf('/') + 1);
  return /^[\w+=,.@-]{2,64}$/.test(name) ? name : 'imds-anywhere';
}
