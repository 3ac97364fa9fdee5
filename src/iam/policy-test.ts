// What a trust policy says to the three calls of Roles Anywhere, and what the session may do then.
import { commonKeys, contextValues, type RequestContext } from './access-request.ts';
import { type AccountKnowledge, assumedRoleArn } from './certificate-report.ts';
import { type Decision, evaluate, type ExaminedStatement, type Layer, type Policy } from './evaluate.ts';
import { explain } from './explain.ts';
import type { PolicyDocument } from './policy-document.ts';
import { ASSUME_ACTIONS, type AssumeAction, decideTrust, rolesAnywhereRequest } from './role-trust.ts';
import type { SeenCertificate } from './seen-certificate.ts';

/** One request of the test, with all statements about it. */
export interface TestedAction {
  readonly action: string;
  readonly allowed: boolean;
  readonly reason: string;
  readonly layers: readonly { readonly layer: Layer; readonly statements: readonly ExaminedStatement[] }[];
  /** Condition keys that are absent here, although other actions have them. */
  readonly foreignKeys: readonly string[];
  /** Condition keys that the test does not know. AWS may set them in a real request. */
  readonly unknownKeys: readonly string[];
}

interface TestedCall {
  readonly seen: SeenCertificate;
  readonly account: AccountKnowledge;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The trust anchor of the call if it is not known: the one that the policy names. */
export function anchorIn({ statements }: PolicyDocument): string | undefined {
  const values = statements.flatMap(({ conditions }) =>
    conditions.filter(({ key }) => key.toLowerCase() === 'aws:sourcearn').flatMap((condition) => condition.values),
  );
  return values.find(({ tokens }) => tokens.every(({ kind }) => kind === 'literal'))?.text;
}

const UNKNOWN_ANCHOR = 'arn:aws:rolesanywhere:us-east-1:000000000000:trust-anchor/00000000-0000-0000-0000-000000000000';

export function testedTrust(document: PolicyDocument, call: TestedCall): TestedAction[] {
  const { seen, account, now } = call;
  const trustAnchorArn = account.trustAnchorArn ?? anchorIn(document) ?? UNKNOWN_ANCHOR;
  const [, , , region = '', accountId = ''] = trustAnchorArn.split(':');
  const roleArn = account.roleArn ?? `arn:aws:iam::${accountId}:role/ROLE`;
  const contextOf = (action: AssumeAction): RequestContext =>
    rolesAnywhereRequest(action, { ...seen, accountId, trustAnchorArn, roleArn }).context;
  return ASSUME_ACTIONS.map((action) => {
    const request = rolesAnywhereRequest(action, { ...seen, accountId, trustAnchorArn, roleArn });
    const context = new Map([...request.context, ...commonKeys(now, region), ['aws:PrincipalIsAWSService', 'true']]);
    const decision = decideTrust(document, { ...request, context }, accountId);
    const others = ASSUME_ACTIONS.filter((other) => other !== action).map(contextOf);
    return tested(action, decision, (key) => others.some((other) => contextValues(other, key).length > 0));
  });
}

interface Permission {
  readonly policies: readonly Policy[];
  readonly action: string;
  readonly resource: string;
}

/** What the session may do with the policies of the role, within the session policy of the profile. */
export function testedPermission({ policies, action, resource }: Permission, call: TestedCall): TestedAction {
  const { seen, account, now } = call;
  const anchor = account.trustAnchorArn ?? UNKNOWN_ANCHOR;
  const accountId = (account.roleArn ?? anchor).split(':')[4] ?? '';
  const roleArn = account.roleArn ?? `arn:aws:iam::${accountId}:role/ROLE`;
  const context = new Map([
    ...[...seen.tags].map(([key, value]): [string, string] => [`aws:PrincipalTag/${key}`, value]),
    ...commonKeys(now, anchor.split(':')[3] ?? ''),
    ...Object.entries({
      'aws:SourceIdentity': seen.sourceIdentity,
      'aws:PrincipalArn': roleArn,
      'aws:PrincipalAccount': accountId,
      'aws:PrincipalType': 'AssumedRole',
      'aws:PrincipalIsAWSService': 'false',
    }),
  ]);
  const sessionArn = assumedRoleArn(roleArn, seen.sessionName);
  const principal = { kind: 'session', accountId, roleArn, sessionArn } as const;
  const applicable = { identity: policies, session: account.profile.sessionPolicies };
  return tested(action, evaluate({ principal, action, resource, context }, applicable), () => false);
}

/** Tags come from the certificate only. Roles Anywhere sends no other parameters of AssumeRole. */
const CERTAIN = /^(?:aws:(?:principal|request)tag\/|sts:)/i;

function tested(action: string, decision: Decision, isElsewhere: (key: string) => boolean): TestedAction {
  const absent = decision.verdicts
    .flatMap(({ statements }) => statements)
    .flatMap(({ checks }) => checks)
    .flatMap(({ key, actual }) => (key !== undefined && actual.length === 0 ? [key] : []));
  return {
    action,
    allowed: decision.allowed,
    reason: explain(decision),
    layers: decision.verdicts.map(({ layer, statements }) => ({ layer, statements })),
    foreignKeys: [...new Set(absent)].filter(isElsewhere),
    unknownKeys: [...new Set(absent)].filter((key) => !isElsewhere(key) && !CERTAIN.test(key)),
  };
}
