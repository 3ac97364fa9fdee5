// IAM User Guide, "Grammar of the IAM JSON policy language". Whatever cannot be evaluated is rejected
// when a document is loaded: a silently half-read policy would give wrong results.
import * as v from 'valibot';
import { recordOf } from '../foundation/complete-record.ts';
import { comparisonFor, OPERATOR_NAMES, parseOperator, type PolicyCondition } from './condition.ts';
import { isConditionKey, isMultivaluedKey } from './condition-key.ts';
import { parsePattern, type Pattern, variableProblem, variablesOf } from './pattern.ts';
import { oneOrMore, text } from './policy-text.ts';
import { type NamedPrincipal, principalElement } from './principal-element.ts';

export interface PolicyDocument {
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** Undefined in a policy of the principal itself. */
  readonly principals: Listed<NamedPrincipal> | undefined;
  readonly actions: Listed<Pattern>;
  /** Undefined in a trust policy, whose resource is its role. */
  readonly resources: Listed<Pattern> | undefined;
  /** All must be true. */
  readonly conditions: readonly PolicyCondition[];
}

/** The entries of an element, or of its negation such as NotAction. */
export interface Listed<Item> {
  readonly negated: boolean;
  readonly items: readonly Item[];
}

const actionName = v.pipe(
  text,
  v.regex(
    /^(?:\*|\*:\*|[a-z0-9-]+:[A-Za-z0-9*?]+)$/i,
    (issue) => `${issue.received} is not an action, such as s3:GetObject, s3:Get* or *`,
  ),
);

const stsAction = v.pipe(
  text,
  v.regex(/^sts:[A-Za-z*?]+$/i, (issue) => `${issue.received} is not an STS action, such as sts:AssumeRole or sts:*`),
);

const variables = v.rawCheck<string>(({ dataset, addIssue }) => {
  const problem = dataset.typed ? variableProblem(dataset.value) : undefined;
  if (problem) addIssue({ message: problem });
});

const resourceName = v.pipe(
  text,
  v.regex(/^(?:\*+$|arn:)/, (issue) => `${issue.received} is neither an ARN nor "*"`),
  variables,
  v.check((name) => !fixedParts(name).some((part) => part.includes('${')), 'has a variable before the fifth colon'),
  v.check((name) => !/[*?]/.test(fixedParts(name)[2] ?? ''), 'has a wildcard in place of the service'),
);

const wholeResourceName = v.pipe(
  resourceName,
  v.check((name) => /^\*+$/.test(name) || name.split(':').length >= 6, 'is not an ARN of six parts'),
);

/** Everything before the fifth colon. */
function fixedParts(arn: string): string[] {
  return arn.split(':').slice(0, 5);
}

const operator = v.pipe(
  v.string(),
  v.check(
    (name) => parseOperator(name) !== undefined,
    `is not a condition operator that can be evaluated: ${OPERATOR_NAMES.join(', ')}; ` +
      'with the prefix ForAnyValue: or ForAllValues: and the suffix IfExists, except Null',
  ),
);

const conditionKey = v.pipe(v.string(), v.check(isConditionKey, 'is not a condition key of AWS'));
const conditionValue = v.union([v.string(), v.boolean(), v.number()], 'must be a string (quote it)');
const conditionBlock = recordOf(operator, recordOf(conditionKey, oneOrMore(conditionValue)));
type ConditionBlock = v.InferOutput<typeof conditionBlock>;

const conditions = v.pipe(
  conditionBlock,
  v.rawCheck(({ dataset, addIssue }) => {
    for (const message of dataset.typed ? conditionProblems(dataset.value) : []) addIssue({ message });
  }),
);

/** IAM User Guide, "Sid": ASCII letters and numbers. Services have rules of their own for their resources. */
const iamSid = v.optional(v.pipe(text, v.regex(/^[A-Za-z0-9]*$/, 'may have only letters and digits in IAM')));

const common = {
  Effect: v.picklist(['Allow', 'Deny'], 'must be Allow or Deny'),
  Condition: v.optional(conditions, {}),
};
const resources = { Resource: v.optional(oneOrMore(resourceName)), NotResource: v.optional(oneOrMore(resourceName)) };
const actions = { Action: v.optional(oneOrMore(actionName)), NotAction: v.optional(oneOrMore(actionName)) };

/** A policy of a role, its boundary, or a session policy. */
export const permissionsPolicySchema = documentOf(
  v.strictObject({ ...common, Sid: iamSid, ...actions, ...resources }),
  ['Action', 'Resource'],
);

/** A role trust policy. */
export const trustPolicySchema = documentOf(
  v.strictObject({
    ...common,
    Sid: iamSid,
    Principal: principalElement,
    Action: v.optional(oneOrMore(stsAction)),
    NotAction: v.optional(oneOrMore(stsAction)),
  }),
  ['Action'],
);

/** A policy of a resource, such as a bucket. */
export const resourcePolicySchema = documentOf(
  v.strictObject({
    ...common,
    Sid: v.optional(text),
    ...actions,
    Resource: v.optional(oneOrMore(wholeResourceName)),
    NotResource: v.optional(oneOrMore(wholeResourceName)),
    Principal: v.optional(principalElement),
    NotPrincipal: v.optional(principalElement),
  }),
  ['Action', 'Resource', 'Principal'],
);

type Element = 'Action' | 'Resource' | 'Principal';

interface WrittenStatement extends Written<'Action' | 'Resource', string>, Written<'Principal', NamedPrincipal> {
  readonly Sid?: string | undefined;
  readonly Effect: 'Allow' | 'Deny';
  readonly Condition: ConditionBlock;
}

type Written<Names extends string, Item> = {
  readonly [Name in Names | `Not${Names}`]?: readonly Item[] | undefined;
};

function documentOf(
  statement: v.GenericSchema<unknown, WrittenStatement>,
  elements: readonly Element[],
): v.GenericSchema<unknown, PolicyDocument> {
  const checked = v.pipe(
    statement,
    v.rawCheck(({ dataset, addIssue }) => {
      for (const message of dataset.typed ? elementProblems(dataset.value, elements) : []) addIssue({ message });
    }),
  );
  return v.pipe(
    v.strictObject({
      Version: v.optional(v.picklist(['2012-10-17', '2008-10-17'], 'must be "2012-10-17"')),
      Id: v.optional(text),
      Statement: oneOrMore(checked),
    }),
    v.check(({ Statement }) => hasUniqueSids(Statement), 'has two statements with the same Sid'),
    v.transform(({ Version, Statement }) => ({
      statements: Statement.map((written) => compiled(written, Version === '2012-10-17')),
    })),
  );
}

function hasUniqueSids(statements: readonly WrittenStatement[]): boolean {
  const sids = statements.flatMap(({ Sid }) => Sid || []);
  return new Set(sids).size === sids.length;
}

function elementProblems(written: WrittenStatement, elements: readonly Element[]): string[] {
  const unclear = elements
    .filter((element) => (written[element] === undefined) === (written[`Not${element}`] === undefined))
    .map((element) => `needs either ${element} or Not${element}`);
  const excepting = written.NotPrincipal !== undefined && written.Effect === 'Allow';
  return excepting ? [...unclear, 'has NotPrincipal with Allow; IAM supports it with Deny only'] : unclear;
}

/** @param usesVariables - "the Version element must be 2012-10-17"; in others, `${...}` is plain text. */
function compiled(written: WrittenStatement, usesVariables: boolean): Statement {
  const { Sid, Effect, Action, NotAction, Resource, NotResource, Principal, NotPrincipal, Condition } = written;
  const resource = (text: string): Pattern => parsePattern(text, { wildcards: true, variables: usesVariables });
  return {
    sid: Sid,
    effect: Effect,
    principals: listed(Principal, NotPrincipal),
    // Actions have no letter case.
    actions: listed(Action?.map(actionPattern), NotAction?.map(actionPattern)) ?? { negated: false, items: [] },
    resources: listed(Resource?.map(resource), NotResource?.map(resource)),
    conditions: Object.entries(Condition).flatMap(([name, keys]) => conditionsOf(name, keys, usesVariables)),
  };
}

function actionPattern(text: string): Pattern {
  return parsePattern(text, { wildcards: true, variables: false });
}

function listed<Item>(items: readonly Item[] | undefined, not: readonly Item[] | undefined): Listed<Item> | undefined {
  if (items) return { negated: false, items };
  return not && { negated: true, items: not };
}

function conditionsOf(name: string, keys: ConditionBlock[string], usesVariables: boolean): PolicyCondition[] {
  const test = parseOperator(name);
  if (!test) return [];
  const wildcards = comparisonFor(test)?.wildcards;
  const syntax = { wildcards: wildcards ?? false, variables: usesVariables && wildcards !== undefined };
  return Object.entries(keys).map(([key, values]) => ({
    operator: name,
    test,
    key,
    values: values.map((value) => parsePattern(String(value), syntax)),
  }));
}

function conditionProblems(block: ConditionBlock): string[] {
  return Object.entries(block).flatMap(([name, keys]) =>
    conditionsOf(name, keys, true).flatMap((condition) => {
      const problem = misuseOf(condition) ?? unquoted(condition, keys[condition.key] ?? []);
      return problem === undefined ? [] : [`${name} ${condition.key}: ${problem}`];
    }),
  );
}

function misuseOf({ test, key, values }: PolicyCondition): string | undefined {
  const comparison = comparisonFor(test);
  if (!comparison)
    return values.every(({ text }) => /^(?:true|false)$/i.test(text)) ? undefined : 'takes only "true" or "false"';
  if (comparison.wildcards === undefined && values.some(({ text }) => text.includes('${')))
    return 'has a policy variable, which only String and Arn operators evaluate';
  const { form, what } = comparison.accepts ?? {};
  if (form && !values.every(form)) return `needs ${what}`;
  if (isMultivaluedKey(key) && !test.quantifier)
    return 'the key has several values and needs ForAnyValue: or ForAllValues: before the operator';
  return values.map(({ text }) => variableProblem(text)).find((problem) => problem !== undefined);
}

/** YAML reads 012345678901 as a number, and a number has lost its zeros. */
function unquoted({ test }: PolicyCondition, values: readonly unknown[]): string | undefined {
  const isNumeric = /^(?:Numeric|Date)/.test(test.comparison);
  const number = isNumeric ? undefined : values.find((value) => typeof value === 'number');
  return number === undefined ? undefined : `${String(number)} must be a string (quote it)`;
}

/** Every condition key that the document asks for, in conditions and in variables. */
export function conditionKeysOf({ statements }: PolicyDocument): string[] {
  const keys = statements.flatMap(({ resources, conditions }) => [
    ...conditions.flatMap(({ key, values }) => [key, ...values.flatMap(variablesOf)]),
    ...(resources?.items.flatMap(variablesOf) ?? []),
  ]);
  return [...new Set(keys)];
}
