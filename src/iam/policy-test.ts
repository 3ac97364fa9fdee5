// What a trust policy says to the three calls of Roles Anywhere, and what the session may do then.
import * as v from 'valibot';
import { type AccessRequest, commonKeys, contextValues, type RequestContext } from './access-request.ts';
import { accountIdOf, regionOf } from './aws-commands.ts';
import { type AccountKnowledge, assumedRoleArn } from './certificate-report.ts';
import {
  type ApplicablePolicies,
  type Decision,
  evaluate,
  type ExaminedStatement,
  type Layer,
  type Policy,
} from './evaluate.ts';
import { explain } from './explain.ts';
import { permissionsPolicySchema, type PolicyDocument } from './policy-document.ts';
import { ASSUME_ACTIONS, type AssumeAction, assumeKeys, decideTrust, rolesAnywhereRequest } from './role-trust.ts';
import type { SeenCertificate } from './seen-certificate.ts';

/** One request of the test, with all statements about it. */
export interface TestedAction {
  readonly action: string;
  /** Absent for the role itself. */
  readonly resource?: string;
  readonly allowed: boolean;
  readonly reason: string;
  readonly layers: readonly { readonly layer: Layer; readonly statements: readonly ExaminedStatement[] }[];
  /** Condition keys that are absent here, although other actions have them. */
  readonly foreignKeys: readonly string[];
  /** Condition keys that the test does not know. AWS may set them in a real request. */
  readonly unknownKeys: readonly string[];
}

export interface TestedCall {
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
  const accountId = accountIdOf(trustAnchorArn);
  const roleArn = account.roleArn ?? `arn:aws:iam::${accountId}:role/ROLE`;
  const made = { ...seen, sessionName: sessionNameIn(call), accountId, trustAnchorArn, roleArn };
  const contextOf = (action: AssumeAction): RequestContext => rolesAnywhereRequest(action, made).context;
  return ASSUME_ACTIONS.map((action) => {
    const request = rolesAnywhereRequest(action, made);
    const context = new Map([
      ...request.context,
      ...commonKeys(now, regionOf(trustAnchorArn)),
      ['aws:PrincipalIsAWSService', 'true'],
    ]);
    const decision = decideTrust(document, { ...request, context }, accountId);
    const others = ASSUME_ACTIONS.filter((other) => other !== action).map(contextOf);
    return tested(action, decision, (key) => others.some((other) => contextValues(other, key).length > 0));
  });
}

/** Everything that limits a session besides its trust policy. */
export interface SessionLimits {
  /** Of the role. Undefined if they are not known: then they are taken to allow everything. */
  readonly policies: readonly Policy[] | undefined;
  readonly boundary: Policy | undefined;
  /** Documents of the managed policies of the profile. */
  readonly sessionPolicies: readonly Policy[];
}

interface AskedPermission {
  readonly action: string;
  readonly resource: string;
}

/** What the session may do with the policies of the role, within everything that limits it. */
export function testedPermission(
  { action, resource }: AskedPermission,
  limits: SessionLimits,
  call: TestedCall,
): TestedAction {
  const { principal, context } = sessionOf(call);
  const decision = evaluate({ principal, action, resource, context }, limiting(limits, call));
  return { ...tested(action, decision, () => false), resource };
}

/** The second role of a chain, and what the configuration sends to assume it. */
export interface SecondHop {
  readonly roleArn: string;
  readonly trustPolicy: PolicyDocument;
  readonly roleSessionName: string | undefined;
  readonly externalId: string | undefined;
  readonly tags: ReadonlyMap<string, string>;
  readonly transitiveTagKeys: readonly string[];
}

/** What both sides say when the session assumes a second role. It keeps its source identity. */
export function testedSecondHop(second: SecondHop, limits: SessionLimits, call: TestedCall): TestedAction[] {
  const { principal, context } = sessionOf(call);
  const { roleArn, trustPolicy, tags } = second;
  const actions = ASSUME_ACTIONS.filter((action) => action !== 'sts:TagSession' || tags.size > 0);
  const accountId = accountIdOf(roleArn);
  const keysOf = (action: AssumeAction): RequestContext => {
    const { sessionName, sourceIdentity } = {
      ...call.seen,
      sessionName: second.roleSessionName ?? sessionNameIn(call),
    };
    return new Map(assumeKeys(action, { ...second, sessionName, sourceIdentity }));
  };
  return actions.map((action) => {
    const policies = [{ name: 'the trust policy of the second role', ...trustPolicy }];
    const decision = evaluate(
      {
        ...{ principal, action, resource: roleArn },
        context: new Map([...context, ...keysOf(action), ['aws:ResourceAccount', accountId] as const]),
      },
      { ...limiting(limits, call), resource: { layer: 'trust', accountId, policies } },
    );
    const others = actions.filter((other) => other !== action).map(keysOf);
    const isElsewhere = (key: string): boolean => others.some((other) => contextValues(other, key).length > 0);
    return { ...tested(action, decision, isElsewhere), resource: roleArn };
  });
}

/** The session of the first role, as a caller. */
function sessionOf(call: TestedCall): Pick<AccessRequest, 'principal' | 'context'> {
  const { seen, account, now } = call;
  const anchor = account.trustAnchorArn ?? UNKNOWN_ANCHOR;
  const accountId = accountIdOf(account.roleArn ?? anchor);
  const roleArn = account.roleArn ?? `arn:aws:iam::${accountId}:role/ROLE`;
  const context = new Map([
    ...[...seen.tags].map(([key, value]): [string, string] => [`aws:PrincipalTag/${key}`, value]),
    ...commonKeys(now, regionOf(anchor)),
    ...Object.entries({
      'aws:SourceIdentity': seen.sourceIdentity,
      'aws:PrincipalArn': roleArn,
      'aws:PrincipalAccount': accountId,
      'aws:PrincipalType': 'AssumedRole',
      'aws:PrincipalIsAWSService': 'false',
    }),
  ]);
  const sessionArn = assumedRoleArn(roleArn, sessionNameIn(call));
  return { principal: { kind: 'session', accountId, roleArn, sessionArn }, context };
}

function sessionNameIn({ seen, account }: TestedCall): string {
  return (account.profile.acceptRoleSessionName && account.roleSessionName) || seen.sessionName;
}

function limiting({ policies, boundary, sessionPolicies }: SessionLimits, { account }: TestedCall): ApplicablePolicies {
  return {
    identity: policies ?? [EVERYTHING],
    boundary,
    session: [...account.profile.sessionPolicies, ...sessionPolicies],
  };
}

const EVERYTHING: Policy = {
  name: 'the policies of the role, which are not given and taken to allow it',
  ...v.parse(permissionsPolicySchema, { Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }),
};

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
