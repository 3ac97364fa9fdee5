import { conditionHolds, contextValues, type PolicyCondition, type RequestContext } from './policy-condition.ts';
import { matchesWildcard } from './wildcard.ts';

/** A role's trust policy, parsed by policy-document.ts. */
export interface TrustPolicy {
  readonly statements: readonly TrustStatement[];
}

interface TrustStatement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** Service principals, or `*`. Empty for statements about accounts, users and federations. */
  readonly services: readonly string[];
  /** Such as `sts:AssumeRole` or `sts:*`. */
  readonly actions: readonly string[];
  /** All must be true. */
  readonly conditions: readonly PolicyCondition[];
}

/**
 * The actions of Roles Anywhere on a role. The trust policy must allow each of them ("Role trusts"
 * in its trust model).
 */
export const ASSUME_ACTIONS = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'] as const;
export type AssumeAction = (typeof ASSUME_ACTIONS)[number];

export type PolicyVerdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

const SERVICE = 'rolesanywhere.amazonaws.com';

/** Whether the policy lets Roles Anywhere do `action`. The reason is one line for the log. */
export function evaluateTrustPolicy(policy: TrustPolicy, action: AssumeAction, context: RequestContext): PolicyVerdict {
  const applying = policy.statements.filter((statement) => appliesTo(statement, action));
  const unmet = (statement: TrustStatement): PolicyCondition[] =>
    statement.conditions.filter((condition) => !conditionHolds(condition, context));
  const denying = applying.find((statement) => statement.effect === 'Deny' && unmet(statement).length === 0);
  if (denying) return refused(action, `${nameOf(denying)} denies it`);
  const nearest = applying
    .filter((statement) => statement.effect === 'Allow')
    .map(unmet)
    .sort((left, right) => left.length - right.length)
    .at(0);
  if (!nearest) return refused(action, noStatement(policy, action));
  if (nearest.length === 0) return { allowed: true };
  return refused(action, nearest.map((condition) => failureOf(condition, context)).join('; '));
}

function refused(action: AssumeAction, why: string): PolicyVerdict {
  return { allowed: false, reason: `${action}: ${why}` };
}

function appliesTo(statement: TrustStatement, action: AssumeAction): boolean {
  return statement.services.some((service) => service === SERVICE || service === '*') && names(statement, action);
}

/** Actions are case-insensitive. */
function names(statement: TrustStatement, action: AssumeAction): boolean {
  return statement.actions.some((pattern) => matchesWildcard(pattern.toLowerCase(), action.toLowerCase()));
}

function nameOf(statement: TrustStatement): string {
  return statement.sid === undefined ? 'a Deny statement' : `the Deny statement "${statement.sid}"`;
}

function noStatement(policy: TrustPolicy, action: AssumeAction): string {
  const allowsOthers = policy.statements.some((statement) => statement.effect === 'Allow' && names(statement, action));
  return allowsOthers ? `no statement allows it to ${SERVICE}` : 'no statement allows it';
}

function failureOf({ operator, test, key, values }: PolicyCondition, context: RequestContext): string {
  const wanted = `${test.negated ? 'none of ' : ''}${values.map(quoted).join(test.negated ? ', ' : ' or ')}`;
  const actual = contextValues(context, key);
  const found =
    actual.length === 0 ? `the request has no such key${tagHint(key)}` : `was ${actual.map(quoted).join(', ')}`;
  return `${operator} ${key} wanted ${wanted}, ${found}`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** Tutorials show tags such as aws:PrincipalTag/DeviceType, which no certificate can set. */
function tagHint(key: string): string {
  const isForeignTag = /^aws:(?:principal|request)tag\/(?!x509(?:subject|issuer|san)\/)/i.test(key);
  return isForeignTag ? ' (Roles Anywhere sets x509Subject/..., x509Issuer/..., x509SAN/... only)' : '';
}
