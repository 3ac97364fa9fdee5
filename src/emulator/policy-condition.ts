// IAM User Guide, "Condition operators" and "Conditions with multiple context keys or values".
import { matchesWildcard } from './wildcard.ts';

/** Condition keys in any letter case, with the values of the request. */
export type RequestContext = ReadonlyMap<string, string | readonly string[]>;

/** One line of a Condition block: `"StringEquals": { "aws:SourceAccount": ["111122223333"] }`. */
export interface PolicyCondition {
  /** As written, such as `ForAnyValue:StringLikeIfExists`. */
  readonly operator: string;
  readonly test: ConditionTest;
  readonly key: string;
  readonly values: readonly string[];
}

export interface ConditionTest {
  readonly comparison: Comparison | 'Null';
  readonly negated: boolean;
  /** The set operator prefix. */
  readonly quantifier: 'ForAnyValue' | 'ForAllValues' | undefined;
  readonly ifExists: boolean;
}

type Comparison = keyof typeof COMPARISONS;

/** `wanted` is the policy's value, `actual` the request's. */
const COMPARISONS = {
  StringEquals: (wanted: string, actual: string) => wanted === actual,
  StringEqualsIgnoreCase: (wanted: string, actual: string) => wanted.toLowerCase() === actual.toLowerCase(),
  StringLike: matchesWildcard,
  // IAM gives ArnEquals and ArnLike the same meaning.
  ArnEquals: matchesArn,
  ArnLike: matchesArn,
};

const NEGATIONS: ReadonlyMap<string, Comparison> = new Map([
  ['StringNotEquals', 'StringEquals'],
  ['StringNotEqualsIgnoreCase', 'StringEqualsIgnoreCase'],
  ['StringNotLike', 'StringLike'],
  ['ArnNotEquals', 'ArnEquals'],
  ['ArnNotLike', 'ArnLike'],
]);

/** The operators that can be evaluated, without set operator and IfExists. */
export const OPERATOR_NAMES: readonly string[] = [...Object.keys(COMPARISONS), ...NEGATIONS.keys(), 'Null'];

/** Parses an operator; undefined if the emulator cannot evaluate it. */
export function parseOperator(operator: string): ConditionTest | undefined {
  const match = /^(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?$/.exec(operator);
  const name = match?.[2] ?? '';
  const comparison = comparisonOf(name);
  if (!match || !comparison) return undefined;
  const quantifier = match[1] as ConditionTest['quantifier'];
  const ifExists = match[3] !== undefined;
  // "You can add IfExists to the end of any condition operator name except the Null condition."
  if (comparison === 'Null' && (ifExists || quantifier)) return undefined;
  return { comparison, negated: NEGATIONS.has(name), quantifier, ifExists };
}

function comparisonOf(name: string): ConditionTest['comparison'] | undefined {
  if (name === 'Null') return name;
  return Object.hasOwn(COMPARISONS, name) ? (name as Comparison) : NEGATIONS.get(name);
}

/** Whether the condition is true for the request. */
export function conditionHolds({ test, key, values }: PolicyCondition, context: RequestContext): boolean {
  const actual = contextValues(context, key);
  const { comparison } = test;
  if (comparison === 'Null') return values.includes(String(actual.length === 0));
  if (actual.length === 0) return holdsWithoutKey(test);
  const matches = (one: string): boolean =>
    values.some((wanted) => COMPARISONS[comparison](wanted, one)) !== test.negated;
  const all = test.quantifier === 'ForAllValues' || (!test.quantifier && test.negated);
  return all ? actual.every(matches) : actual.some(matches);
}

/** "The values do not match and the condition is false; if it requires that the key is not matched, it is true." */
function holdsWithoutKey({ quantifier, negated, ifExists }: ConditionTest): boolean {
  if (quantifier === 'ForAllValues') return true;
  return ifExists || (negated && quantifier === undefined);
}

/**
 * The request's values for a key, whose name is case-insensitive. Empty if the request lacks the
 * key.
 */
export function contextValues(context: RequestContext, key: string): readonly string[] {
  const wanted = key.toLowerCase();
  return [...context].filter(([name]) => name.toLowerCase() === wanted).flatMap(([, value]) => value);
}

/**
 * Matches each of the six parts separately: a wildcard spans no colon, except in the last part, the
 * resource.
 */
function matchesArn(pattern: string, arn: string): boolean {
  const wanted = arnParts(pattern);
  const actual = arnParts(arn);
  return (
    wanted.length === 6 &&
    actual.length === 6 &&
    wanted.every((part, index) => matchesWildcard(part, actual[index] ?? ''))
  );
}

/** `arn`, partition, service, region, account, resource (which may contain colons). */
export function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length < 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}
