// The grammar of a role trust policy (IAM User Guide, "Grammar of the IAM JSON policy language"),
// as far as the emulator knows the behaviour of the service. Everything else is rejected when the
// account is loaded: a silently half-read policy would give wrong results.
import * as v from 'valibot';
import {
  arnParts,
  type ConditionTest,
  OPERATOR_NAMES,
  parseOperator,
  type PolicyCondition,
} from './policy-condition.ts';

/** Condition keys in lower case, because they are case-insensitive. Tag keys stand for any tag. */
const CONDITION_KEY =
  /^(?:aws:source(?:arn|account)|aws:tagkeys|sts:sourceidentity|sts:rolesessionname|aws:(?:principal|request)tag\/.+)$/;
/** "Multivalued context keys require a condition set operator." */
const MULTIVALUED_KEY = 'aws:tagkeys';

const text = v.string(
  (issue) => `must be a string, ${issue.received} is none${issue.received === 'Array' ? '' : ' (quote it)'}`,
);

const action = v.pipe(
  text,
  v.regex(/^sts:[A-Za-z*?]+$/i, (issue) => `${issue.received} is not an STS action, such as sts:AssumeRole or sts:*`),
);

const servicePrincipal = v.pipe(
  text,
  v.regex(
    /^[a-z0-9.-]+$/,
    (issue) => `${issue.received} is not a service principal, such as rolesanywhere.amazonaws.com`,
  ),
);

/** Statements for principals other than services are accepted, but never apply to Roles Anywhere. */
const principal = v.pipe(
  v.unknown(),
  // IAM treats "*" and {"AWS": "*"} the same.
  v.transform((written) => (written === '*' ? { AWS: '*' } : written)),
  v.strictObject({
    Service: v.optional(oneOrMore(servicePrincipal)),
    AWS: v.optional(oneOrMore(text)),
    Federated: v.optional(oneOrMore(text)),
  }),
  v.transform(({ Service = [], AWS = [] }) => [...Service, ...AWS.filter((name) => name === '*')]),
);

const operator = v.pipe(
  v.string(),
  v.check(
    (name) => parseOperator(name) !== undefined,
    `is not a condition operator that the emulator evaluates: ${OPERATOR_NAMES.join(', ')}; ` +
      'with the prefix ForAnyValue: or ForAllValues: and the suffix IfExists, except Null',
  ),
);

const conditionKey = v.pipe(
  v.string(),
  v.check(
    (key) => CONDITION_KEY.test(key.toLowerCase()),
    'is not a condition key that the emulator supports: aws:PrincipalTag/..., aws:RequestTag/..., aws:TagKeys, ' +
      'aws:SourceArn, aws:SourceAccount, sts:SourceIdentity, sts:RoleSessionName',
  ),
);

const conditionValue = v.pipe(
  v.union([v.string(), v.boolean()], 'must be a string (quote it)'),
  v.transform(String),
  v.check((value) => !value.includes('${'), 'has a policy variable, which the emulator does not evaluate'),
);

const conditions = v.pipe(
  v.record(operator, v.record(conditionKey, oneOrMore(conditionValue))),
  v.transform((block) => Object.entries(block).flatMap(([name, keys]) => conditionsOf(name, keys))),
  v.rawCheck(({ dataset, addIssue }) => {
    for (const condition of dataset.typed ? dataset.value : []) {
      const problem = misuseOf(condition);
      if (problem) addIssue({ message: `${condition.operator} ${condition.key}: ${problem}` });
    }
  }),
);

const statement = v.pipe(
  v.strictObject({
    Sid: v.optional(text),
    Effect: v.picklist(['Allow', 'Deny'], 'must be Allow or Deny'),
    Principal: principal,
    Action: oneOrMore(action),
    Condition: v.optional(conditions, {}),
  }),
  v.transform((written) => ({
    sid: written.Sid,
    effect: written.Effect,
    services: written.Principal,
    actions: written.Action,
    conditions: written.Condition,
  })),
);

/** Parses a trust policy document. */
export const trustPolicySchema = v.pipe(
  v.strictObject({
    Version: v.optional(v.picklist(['2012-10-17', '2008-10-17'], 'must be "2012-10-17"')),
    Id: v.optional(text),
    Statement: oneOrMore(statement),
  }),
  v.transform((document) => ({ statements: document.Statement })),
);

function oneOrMore<Output>(item: v.GenericSchema<unknown, Output>): v.GenericSchema<unknown, Output[]> {
  const asList = v.transform((value: unknown): unknown[] => (Array.isArray(value) ? value : [value]));
  return v.pipe(v.unknown(), asList, v.array(item), v.minLength(1, 'must not be empty'));
}

function conditionsOf(name: string, keys: Readonly<Record<string, readonly string[]>>): PolicyCondition[] {
  const test = parseOperator(name);
  return test ? Object.entries(keys).map(([key, values]) => ({ operator: name, test, key, values })) : [];
}

function misuseOf({ test, key, values }: PolicyCondition): string | undefined {
  if (test.comparison === 'Null') return nullMisuse(values);
  if (isArnComparison(test) && values.some((value) => arnParts(value).length !== 6))
    return 'needs ARNs of six parts (wildcards allowed): arn:partition:service:region:account:resource';
  if (key.toLowerCase() === MULTIVALUED_KEY && !test.quantifier)
    return 'the key has several values and needs ForAnyValue: or ForAllValues: before the operator';
  return undefined;
}

function nullMisuse(values: readonly string[]): string | undefined {
  return values.every((value) => value === 'true' || value === 'false') ? undefined : 'takes only "true" or "false"';
}

function isArnComparison({ comparison }: ConditionTest): boolean {
  return comparison === 'ArnEquals' || comparison === 'ArnLike';
}
