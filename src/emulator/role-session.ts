import { createHash } from 'node:crypto';
import { isoSeconds } from '../foundation/clock.ts';
import { commonKeys, contextValues, type Principal, type RequestContext } from '../iam/access-request.ts';
import type { ApplicablePolicies, Policy } from '../iam/evaluate.ts';
import type { Role } from './account/account.ts';

/** A session of a role: who it is, and what limits it. */
export interface RoleSession {
  /** `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION` */
  readonly arn: string;
  /** `AROA...:SESSION` */
  readonly assumedRoleId: string;
  readonly role: Role;
  /** Set by Roles Anywhere, and carried along a chain of roles. */
  readonly sourceIdentity: string | undefined;
  /** Session tags, with those inherited from the session before. */
  readonly tags: ReadonlyMap<string, string>;
  /** The tags that the sessions of a chain inherit. */
  readonly transitiveTagKeys: readonly string[];
  /** Of the profile, or of the AssumeRole. They limit this session only, not those of a chain. */
  readonly sessionPolicies: readonly Policy[];
  /** Milliseconds since the epoch, whole seconds. */
  readonly issued: number;
  readonly expiration: number;
}

interface SessionTerms {
  readonly sessionName: string;
  readonly durationSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Upper limit for sessions, whatever was agreed. */
  readonly grantSeconds: number | undefined;
}

type Limits = Pick<RoleSession, 'sourceIdentity' | 'tags' | 'transitiveTagKeys' | 'sessionPolicies'>;

export function sessionOfRole(role: Role, terms: SessionTerms, limits: Limits): RoleSession {
  const { sessionName } = terms;
  const [, partition = '', , , accountId = ''] = role.arn.split(':');
  const issued = Math.floor(terms.now / 1000) * 1000;
  const seconds = Math.min(terms.durationSeconds, terms.grantSeconds ?? Infinity);
  return {
    arn: `arn:${partition}:sts::${accountId}:assumed-role/${role.arn.split('/').at(-1) ?? ''}/${sessionName}`,
    assumedRoleId: `${uniqueIdOf(role)}:${sessionName}`,
    role,
    ...limits,
    issued,
    expiration: issued + seconds * 1000,
  };
}

/**
 * IAM's unique id of a role is `AROA` and seventeen characters. Here it is derived from the ARN, so
 * that it is stable.
 */
function uniqueIdOf({ arn }: Role): string {
  return `AROA${createHash('sha256').update(arn).digest('hex').toUpperCase().slice(0, 17)}`;
}

/** The twelve digits in an ARN of IAM or STS. */
export function accountOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}

export function principalOf({ arn, role }: RoleSession): Principal {
  return { kind: 'session', accountId: accountOf(arn), roleArn: role.arn, sessionArn: arn };
}

/** What a session may do: what its role may, within the boundary and its session policies. */
export function permissionsOf({ role, sessionPolicies }: RoleSession): ApplicablePolicies {
  return { identity: role.policies, boundary: role.permissionsBoundary, session: sessionPolicies };
}

/** What a request brings along besides the session. */
export interface RequestCircumstances {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly region: string;
  readonly sourceIp: string | undefined;
  readonly userAgent: string | undefined;
}

/** The condition keys of every request that is made with the session: User Guide, "Global condition keys". */
export function contextOf(
  session: RoleSession,
  { now, region, sourceIp, userAgent }: RequestCircumstances,
): RequestContext {
  const optional = {
    'aws:SourceIdentity': session.sourceIdentity,
    'aws:SourceIp': sourceIp,
    'aws:UserAgent': userAgent,
  };
  const always = {
    'aws:PrincipalArn': session.role.arn,
    'aws:PrincipalAccount': accountOf(session.arn),
    'aws:PrincipalType': 'AssumedRole',
    'aws:userid': session.assumedRoleId,
    'aws:TokenIssueTime': isoSeconds(session.issued),
    'aws:PrincipalIsAWSService': 'false',
  };
  return new Map([
    ...tagKeys('aws:PrincipalTag', inherited(session.role.tags, session.tags)),
    ...Object.entries(always),
    ...commonKeys(now, region),
    ...Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ]);
}

/** Tags of which the second ones override those of the same key, in any letter case. */
export function inherited(
  tags: ReadonlyMap<string, string>,
  overriding: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const others = [...tags].filter(([key]) => contextValues(overriding, key).length === 0);
  return new Map([...others, ...overriding]);
}

export function tagKeys(prefix: string, tags: ReadonlyMap<string, string>): [string, string][] {
  return [...tags].map(([key, value]) => [`${prefix}/${key}`, value]);
}
