// IAM User Guide, "How AWS enforcement code logic evaluates requests", for one role session or
// service. Organizations' policies do not exist here.
import { type AccessRequest, contextValues, type Principal, type RequestContext } from './access-request.ts';
import { conditionHolds } from './condition.ts';
import { matchesArn, matchesIgnoringCase, type Pattern, resolvedText } from './pattern.ts';
import { type Listed, type PolicyDocument, type Statement } from './policy-document.ts';
import { type Grant, grantTo, isExcepted, principalText } from './principal-element.ts';

/** A policy with its name for reports, such as `the inline policy upload of arn:aws:iam::...`. */
export interface Policy extends PolicyDocument {
  readonly name: string;
}

export type Layer = 'trust' | 'resource' | 'identity' | 'boundary' | 'session';

/** Everything that decides about a request. */
export interface ApplicablePolicies {
  readonly identity: readonly Policy[];
  readonly boundary?: Policy | undefined;
  /** Several act as one set. None, as opposed to an empty one, limits nothing. */
  readonly session: readonly Policy[];
  readonly resource?: ResourcePolicies | undefined;
}

export interface ResourcePolicies {
  /** A role trust policy must allow in any case; another resource policy only across accounts. */
  readonly layer: 'trust' | 'resource';
  /** The account of the resource. */
  readonly accountId: string;
  readonly policies: readonly Policy[];
}

export interface Decision {
  readonly allowed: boolean;
  /** The verdict that decides: the one that allows, or the first one that denies. */
  readonly decisive: Verdict;
  /** Of all layers that were asked, because AWS names only one. */
  readonly verdicts: readonly Verdict[];
}

/** What the policies of one layer say. */
export interface Verdict {
  readonly layer: Layer;
  readonly outcome: 'allowed' | 'denied' | 'explicitly denied';
  /** The statement that allows or denies. If none does, the Allow statement that comes closest. */
  readonly statement: StatementName | undefined;
  /** What this closest statement wants and the request does not have. */
  readonly unmet: readonly Mismatch[];
  /** All statements about the action. */
  readonly statements: readonly ExaminedStatement[];
}

export interface ExaminedStatement {
  readonly name: StatementName;
  readonly effect: Statement['effect'];
  /** Every element and condition that the statement has. */
  readonly checks: readonly Check[];
}

export interface StatementName {
  readonly policy: string;
  /** From 0. */
  readonly index: number;
  readonly sid: string | undefined;
}

/** One element or condition of a statement that the request does not meet, with both sides. */
export interface Mismatch {
  readonly element: 'Principal' | 'Resource' | 'Condition';
  /** `Resource`, `NotResource`, `StringEquals aws:PrincipalTag/x509Subject/CN` */
  readonly what: string;
  /** The condition key, if it is a condition. */
  readonly key: string | undefined;
  readonly negated: boolean;
  /** With the values of variables. */
  readonly wanted: readonly string[];
  /** Empty if the request has no such key. */
  readonly actual: readonly string[];
}

/** One element or condition, whether the request meets it or not. */
export interface Check extends Mismatch {
  readonly isMet: boolean;
}

/** Decides one request, and says why. */
export function evaluate(request: AccessRequest, policies: ApplicablePolicies): Decision {
  const examined = examineLayers(request, policies);
  const verdicts = examined.map(({ verdict }) => verdict);
  const needed = neededLayers(request, policies, examined);
  const decisive =
    verdicts.find(({ outcome }) => outcome === 'explicitly denied') ??
    needed.find(({ outcome }) => outcome !== 'allowed') ??
    needed[0] ??
    NOT_ASKED;
  return { allowed: decisive.outcome === 'allowed', decisive, verdicts };
}

/** For a service at a resource without policies. */
const NOT_ASKED: Verdict = { layer: 'resource', outcome: 'denied', statement: undefined, unmet: [], statements: [] };

interface Examined {
  readonly verdict: Verdict;
  /** How directly the resource's policies allow the principal. */
  readonly grant: Grant | undefined;
}

function examineLayers(request: AccessRequest, policies: ApplicablePolicies): Examined[] {
  const { resource, identity, boundary, session } = policies;
  const ofSession = request.principal.kind === 'session';
  const layers: [Layer, readonly Policy[] | undefined][] = [
    [resource?.layer ?? 'resource', resource?.policies],
    ['identity', ofSession ? identity : undefined],
    ['boundary', boundary && [boundary]],
    ['session', session.length > 0 ? session : undefined],
  ];
  return layers.flatMap(([layer, own]) => (own ? [examineLayer(layer, own, request)] : []));
}

/** The layers that must allow, in the order in which AWS asks them. */
function neededLayers(
  { principal, action }: AccessRequest,
  { resource }: ApplicablePolicies,
  examined: readonly Examined[],
): Verdict[] {
  const of = (...layers: Layer[]): Verdict[] =>
    examined.map(({ verdict }) => verdict).filter(({ layer }) => layers.includes(layer));
  if (principal.kind === 'service') return of('trust', 'resource');
  if (resource && resource.accountId !== principal.accountId)
    return of('trust', 'resource', 'identity', 'boundary', 'session');
  const grant = resource && examined[0]?.grant;
  // The caller needs its own permission for this one, however directly the trust policy names it.
  if (grant === undefined || grant === 'account' || /^sts:SetSourceIdentity$/i.test(action))
    return of('trust', 'identity', 'boundary', 'session');
  return grant === 'role' ? of('trust', 'resource', 'boundary', 'session') : of('trust', 'resource');
}

function examineLayer(layer: Layer, policies: readonly Policy[], request: AccessRequest): Examined {
  const examined = policies
    .flatMap(({ name, statements }) => statements.map((one, index) => examine(one, { policy: name, index }, request)))
    .filter((one) => one !== undefined);
  const verdictOf = (outcome: Verdict['outcome'], decisive: GrantingStatement | undefined): Verdict => ({
    ...{ layer, outcome, statement: decisive?.name, unmet: decisive ? unmetBy(decisive) : [] },
    statements: examined.map(({ name, effect, checks }) => ({ name, effect, checks })),
  });
  const met = examined.filter((one) => unmetBy(one).length === 0);
  const denying = met.find(({ effect }) => effect === 'Deny');
  if (denying) return { verdict: verdictOf('explicitly denied', denying), grant: undefined };
  const grants = ['session', 'role', 'account', undefined] as const;
  const allowing = met.toSorted((left, right) => grants.indexOf(left.grant) - grants.indexOf(right.grant)).at(0);
  if (allowing) return { verdict: verdictOf('allowed', allowing), grant: allowing.grant };
  const closest = examined
    .filter(({ effect }) => effect === 'Allow')
    .sort((left, right) => distanceOf(left) - distanceOf(right))
    .at(0);
  return { verdict: verdictOf('denied', closest), grant: undefined };
}

interface GrantingStatement extends ExaminedStatement {
  readonly grant: Grant | undefined;
}

function unmetBy({ checks }: ExaminedStatement): Check[] {
  return checks.filter(({ isMet }) => !isMet);
}

/** Undefined if the statement is about other actions. */
function examine(
  statement: Statement,
  place: Omit<StatementName, 'sid'>,
  request: AccessRequest,
): GrantingStatement | undefined {
  if (!isNamed(statement.actions, (action) => matchesIgnoringCase(action, request.action, request.context)))
    return undefined;
  const { sid, effect, principals } = statement;
  const grant = principals && !principals.negated ? grantTo(request.principal, principals.items) : undefined;
  const checks = [
    ...principalCheck(statement, request.principal),
    ...resourceCheck(statement, request),
    ...conditionChecks(statement, request.context),
  ];
  return { name: { ...place, sid }, effect, grant, checks };
}

/** A statement for other principals is further away than one for other resources. */
function distanceOf(statement: ExaminedStatement): number {
  const weights = { Principal: 10_000, Resource: 100, Condition: 1 };
  return unmetBy(statement).reduce((sum, { element }) => sum + weights[element], 0);
}

function isNamed<Item>({ negated, items }: Listed<Item>, matches: (item: Item) => boolean): boolean {
  return items.some(matches) !== negated;
}

function principalCheck({ principals }: Statement, principal: Principal): Check[] {
  if (!principals) return [];
  const { negated, items } = principals;
  const isMet = negated ? !isExcepted(principal, items) : grantTo(principal, items) !== undefined;
  const name = principal.kind === 'service' ? principal.name : principal.sessionArn;
  return [checkOf('Principal', { isMet, negated, wanted: items.map(principalText), actual: [name] })];
}

/** Actions without resources need a statement about all resources: `arn:aws:s3:::*` is none. */
function resourceCheck({ resources }: Statement, { resource, context }: AccessRequest): Check[] {
  const matches = (pattern: Pattern): boolean =>
    pattern.tokens.every(({ kind }) => kind === 'any') || matchesArn(pattern, resource, context);
  if (!resources) return [];
  const { negated, items } = resources;
  const isMet = isNamed(resources, matches);
  return [checkOf('Resource', { isMet, negated, wanted: textsOf(items, context), actual: [resource] })];
}

function checkOf(
  element: 'Principal' | 'Resource',
  sides: Pick<Check, 'isMet' | 'negated' | 'wanted' | 'actual'>,
): Check {
  return { element, what: sides.negated ? `Not${element}` : element, key: undefined, ...sides };
}

function conditionChecks({ conditions }: Statement, context: RequestContext): Check[] {
  return conditions.map((condition) => {
    const { operator, test, key, values } = condition;
    return {
      ...{ element: 'Condition', what: `${operator} ${key}`, key, negated: test.negated },
      isMet: conditionHolds(condition, context),
      wanted: textsOf(values, context),
      actual: contextValues(context, key),
    };
  });
}

function textsOf(patterns: readonly Pattern[], context: RequestContext): string[] {
  return patterns.map((pattern) => resolvedText(pattern, context) ?? pattern.text);
}
