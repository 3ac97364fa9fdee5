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
const NOT_ASKED: Verdict = { layer: 'resource', outcome: 'denied', statement: undefined, unmet: [] };

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
  const met = examined.filter(({ unmet }) => unmet.length === 0);
  const denying = met.find(({ effect }) => effect === 'Deny');
  if (denying) return { verdict: verdictOf(layer, 'explicitly denied', denying), grant: undefined };
  const grants = ['session', 'role', 'account', undefined] as const;
  const allowing = met.sort((left, right) => grants.indexOf(left.grant) - grants.indexOf(right.grant)).at(0);
  if (allowing) return { verdict: verdictOf(layer, 'allowed', allowing), grant: allowing.grant };
  const closest = examined
    .filter(({ effect }) => effect === 'Allow')
    .sort((left, right) => distanceOf(left) - distanceOf(right))
    .at(0);
  return { verdict: verdictOf(layer, 'denied', closest), grant: undefined };
}

function verdictOf(layer: Layer, outcome: Verdict['outcome'], examined: ExaminedStatement | undefined): Verdict {
  return { layer, outcome, statement: examined?.name, unmet: examined?.unmet ?? [] };
}

interface ExaminedStatement {
  readonly name: StatementName;
  readonly effect: Statement['effect'];
  readonly grant: Grant | undefined;
  readonly unmet: readonly Mismatch[];
}

/** Undefined if the statement is about other actions. */
function examine(
  statement: Statement,
  place: Omit<StatementName, 'sid'>,
  request: AccessRequest,
): ExaminedStatement | undefined {
  if (!isNamed(statement.actions, (action) => matchesIgnoringCase(action, request.action, request.context)))
    return undefined;
  const { sid, effect, principals } = statement;
  const grant = principals && !principals.negated ? grantTo(request.principal, principals.items) : undefined;
  const unmet = [
    ...principalMismatch(statement, request.principal),
    ...resourceMismatch(statement, request),
    ...conditionMismatches(statement, request.context),
  ];
  return { name: { ...place, sid }, effect, grant, unmet };
}

/** A statement for other principals is further away than one for other resources. */
function distanceOf({ unmet }: ExaminedStatement): number {
  const weights = { Principal: 10_000, Resource: 100, Condition: 1 };
  return unmet.reduce((sum, { element }) => sum + weights[element], 0);
}

function isNamed<Item>({ negated, items }: Listed<Item>, matches: (item: Item) => boolean): boolean {
  return items.some(matches) !== negated;
}

function principalMismatch({ principals }: Statement, principal: Principal): Mismatch[] {
  if (!principals) return [];
  const { negated, items } = principals;
  if (negated ? !isExcepted(principal, items) : grantTo(principal, items) !== undefined) return [];
  const name = principal.kind === 'service' ? principal.name : principal.sessionArn;
  return [mismatchOf('Principal', { negated, wanted: items.map(principalText), actual: [name] })];
}

/** Actions without resources need a statement about all resources: `arn:aws:s3:::*` is none. */
function resourceMismatch({ resources }: Statement, { resource, context }: AccessRequest): Mismatch[] {
  const matches = (pattern: Pattern): boolean =>
    pattern.tokens.every(({ kind }) => kind === 'any') || matchesArn(pattern, resource, context);
  if (!resources || isNamed(resources, matches)) return [];
  const { negated, items } = resources;
  return [mismatchOf('Resource', { negated, wanted: textsOf(items, context), actual: [resource] })];
}

function mismatchOf(
  element: 'Principal' | 'Resource',
  sides: Pick<Mismatch, 'negated' | 'wanted' | 'actual'>,
): Mismatch {
  return { element, what: sides.negated ? `Not${element}` : element, key: undefined, ...sides };
}

function conditionMismatches({ conditions }: Statement, context: RequestContext): Mismatch[] {
  return conditions
    .filter((condition) => !conditionHolds(condition, context))
    .map(({ operator, test: { negated }, key, values }) => ({
      element: 'Condition',
      what: `${operator} ${key}`,
      key,
      negated,
      wanted: textsOf(values, context),
      actual: contextValues(context, key),
    }));
}

function textsOf(patterns: readonly Pattern[], context: RequestContext): string[] {
  return patterns.map((pattern) => resolvedText(pattern, context) ?? pattern.text);
}
