/** STS AssumeRole: the session of a role for the session of another, or of the same. */
import { contextValues } from '../iam/access-request.ts';
import { type ApplicablePolicies, type Decision, evaluate, type Policy } from '../iam/evaluate.ts';
import { explain } from '../iam/explain.ts';
import { type AssumeAction, assumeKeys } from '../iam/role-trust.ts';
import type { Account, Role } from './account/account.ts';
import type { AssumeRoleParameters } from './assume-role-parameters.ts';
import {
  accountOf,
  contextOf,
  inherited,
  permissionsOf,
  principalOf,
  type RequestCircumstances,
  type RoleSession,
  sessionOfRole,
  tagKeys,
} from './role-session.ts';
import { StsError } from './sts-answer.ts';

/** AWS's limit for chained sessions, whatever the role allows. */
const LONGEST_CHAINED_SECONDS = 3600;

export interface ChainedSession {
  readonly session: RoleSession;
  /** A percentage; undefined without policies and tags. */
  readonly packedPolicySize: number | undefined;
}

export interface Chaining extends RequestCircumstances {
  readonly account: Account;
  readonly grantSeconds: number | undefined;
}

/** @throws StsError */
export function chainedSession(caller: RoleSession, asked: AssumeRoleParameters, chaining: Chaining): ChainedSession {
  requireChainable(caller, asked);
  const packedPolicySize = packedSize(caller, asked);
  const sessionPolicies = sessionPoliciesOf(asked, chaining.account);
  const role = assumableRole(caller, asked, chaining);
  if (asked.durationSeconds > role.maxSessionDuration)
    throw new StsError(
      'ValidationError',
      400,
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
      `maxSessionDuration of ${role.arn} is ${role.maxSessionDuration}`,
    );
  const session = sessionOfRole(
    role,
    { ...chaining, ...asked },
    {
      sourceIdentity: caller.sourceIdentity ?? asked.sourceIdentity,
      tags: inherited(transitiveTags(caller), asked.tags),
      transitiveTagKeys: [...caller.transitiveTagKeys, ...asked.transitiveTagKeys],
      sessionPolicies,
    },
  );
  return { session, packedPolicySize };
}

function requireChainable(caller: RoleSession, asked: AssumeRoleParameters): void {
  if (asked.durationSeconds > LONGEST_CHAINED_SECONDS)
    throw new StsError(
      'ValidationError',
      400,
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
      `${caller.arn} is a session of a role itself`,
    );
  const conflict = caller.transitiveTagKeys.find((key) => contextValues(asked.tags, key).length > 0);
  if (conflict !== undefined)
    throw new StsError(
      'InvalidParameterValue',
      400,
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
      `${caller.arn} has the transitive tag ${conflict}`,
    );
}

function transitiveTags({ tags, transitiveTagKeys }: RoleSession): ReadonlyMap<string, string> {
  const keys = transitiveTagKeys.map((key) => key.toLowerCase());
  return new Map([...tags].filter(([key]) => keys.includes(key.toLowerCase())));
}

/**
 * How STS packs policies and tags is unpublished. Nine tags of 252 bytes were 498 %, and a policy
 * may have 2048 characters: an estimate, with the sentences of the service.
 */
function packedSize(caller: RoleSession, asked: AssumeRoleParameters): number | undefined {
  const tags = [...inherited(transitiveTags(caller), asked.tags)].flat();
  const policies = [asked.policy?.text ?? '', ...asked.policyArns].join('');
  if (tags.length === 0 && policies === '') return undefined;
  const ofTags = Math.ceil(tags.reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 4.55);
  const ofPolicies = Math.ceil(policies.length / 20.48);
  const tooLarge = (message: string): StsError =>
    new StsError('PackedPolicyTooLarge', 400, message, 'an estimate: how STS packs is unpublished');
  if (ofTags > 100) throw tooLarge(`Packed size of session tags consumes ${ofTags}% of allotted space.`);
  if (ofPolicies > 100)
    throw tooLarge(`Packed policy consumes ${ofPolicies}% of allotted space, please use smaller policy.`);
  return Math.min(100, ofTags + ofPolicies);
}

function sessionPoliciesOf({ policy, policyArns }: AssumeRoleParameters, { managedPolicies }: Account): Policy[] {
  const managed = policyArns.map((arn) => {
    const found = managedPolicies.get(arn);
    const message = `The policy ${arn} does not exist or is not attachable.`;
    if (!found) throw new StsError('ValidationError', 400, message, `account.yaml has no managed policy ${arn}`, false);
    return found;
  });
  return policy ? [{ name: 'the session policy', ...policy.document }, ...managed] : managed;
}

/** All actions are tried, so that the log shows every missing permission. STS names the first one. */
function assumableRole(caller: RoleSession, asked: AssumeRoleParameters, chaining: Chaining): Role {
  const role = chaining.account.roles.find(({ arn }) => arn === asked.roleArn);
  if (!role) throw notAuthorized(caller, 'sts:AssumeRole', asked.roleArn, `account.yaml has no role ${asked.roleArn}`);
  const denied = neededActions(caller, asked)
    .map((action) => ({ action, decision: decide(action, { caller, asked, chaining, role }) }))
    .filter(({ decision }) => !decision.allowed);
  const detail = denied.map(({ action, decision }) => `${action}: ${explain(decision)}`).join(' | ');
  if (denied[0]) throw notAuthorized(caller, denied[0].action, role.arn, detail);
  requireOneIdentity(caller, asked);
  return role;
}

/** Tags and a source identity need permissions of their own, also those that the session inherits. */
function neededActions(caller: RoleSession, asked: AssumeRoleParameters): AssumeAction[] {
  const isTagged = asked.tags.size > 0 || caller.transitiveTagKeys.length > 0;
  const hasIdentity = (caller.sourceIdentity ?? asked.sourceIdentity) !== undefined;
  return [
    'sts:AssumeRole',
    ...(isTagged ? (['sts:TagSession'] as const) : []),
    ...(hasIdentity ? (['sts:SetSourceIdentity'] as const) : []),
  ];
}

interface Assumption {
  readonly caller: RoleSession;
  readonly asked: AssumeRoleParameters;
  readonly chaining: Chaining;
  readonly role: Role;
}

function decide(action: AssumeAction, { caller, asked, chaining, role }: Assumption): Decision {
  const sourceIdentity = caller.sourceIdentity ?? asked.sourceIdentity;
  // "Transitive tags override the tags of the role while its trust policy is evaluated."
  const roleTags = inherited(role.tags, transitiveTags(caller));
  const context = new Map([
    ...contextOf(caller, chaining),
    ...tagKeys('aws:ResourceTag', roleTags),
    ...tagKeys('iam:ResourceTag', roleTags),
    ['aws:ResourceAccount', accountOf(role.arn)] as const,
    ...assumeKeys(action, { ...asked, sourceIdentity }),
  ]);
  const trust = { name: `the trust policy of ${role.arn}`, ...role.trustPolicy };
  const policies: ApplicablePolicies = {
    ...permissionsOf(caller),
    resource: { layer: 'trust', accountId: accountOf(role.arn), policies: [trust] },
  };
  return evaluate({ principal: principalOf(caller), action, resource: role.arn, context }, policies);
}

/** "Source identity cannot be changed." The words of the service are not known. */
function requireOneIdentity(caller: RoleSession, { sourceIdentity, roleArn }: AssumeRoleParameters): void {
  if (caller.sourceIdentity === undefined || sourceIdentity === undefined) return;
  if (sourceIdentity === caller.sourceIdentity) return;
  throw notAuthorized(caller, 'sts:SetSourceIdentity', roleArn, `the source identity is ${caller.sourceIdentity}`);
}

function notAuthorized({ arn }: RoleSession, action: AssumeAction, roleArn: string, detail: string): StsError {
  const message = `User: ${arn} is not authorized to perform: ${action} on resource: ${roleArn}`;
  return new StsError('AccessDenied', 403, message, detail);
}
