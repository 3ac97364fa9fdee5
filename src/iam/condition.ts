// IAM User Guide, "Conditions with multiple context keys or values" and "Set operators".
import { contextValues, isMultivalued, type RequestContext } from './access-request.ts';
import { type Comparison, type ComparisonName, COMPARISONS, NEGATIONS } from './comparison.ts';
import { type Pattern } from './pattern.ts';

/** One line of a Condition block: `"StringEquals": { "aws:SourceAccount": ["111122223333"] }`. */
export interface PolicyCondition {
  /** As written, such as `ForAnyValue:StringLikeIfExists`. */
  readonly operator: string;
  readonly test: ConditionTest;
  readonly key: string;
  readonly values: readonly Pattern[];
}

export interface ConditionTest {
  readonly comparison: ComparisonName | 'Null';
  readonly negated: boolean;
  /** The set operator prefix. */
  readonly quantifier: 'ForAnyValue' | 'ForAllValues' | undefined;
  readonly ifExists: boolean;
}

/** The operators that can be evaluated, without set operator and IfExists. */
export const OPERATOR_NAMES: readonly string[] = [...Object.keys(COMPARISONS), ...NEGATIONS.keys(), 'Null'];

/** Parses an operator; undefined if it cannot be evaluated. */
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
  return Object.hasOwn(COMPARISONS, name) ? (name as ComparisonName) : NEGATIONS.get(name);
}

/** How the operator compares; undefined for Null. */
export function comparisonFor({ comparison }: ConditionTest): Comparison | undefined {
  return comparison === 'Null' ? undefined : COMPARISONS[comparison];
}

/** Whether the condition is true for the request. */
export function conditionHolds({ test, key, values }: PolicyCondition, context: RequestContext): boolean {
  const actual = contextValues(context, key);
  const comparison = comparisonFor(test);
  if (!comparison) return values.some(({ text }) => text.toLowerCase() === String(actual.length === 0));
  if (actual.length === 0) return holdsWithoutKey(test);
  // "Multivalued context keys require a condition set operator."
  if (!test.quantifier && isMultivalued(context, key)) return false;
  const matches = (one: string): boolean =>
    values.some((wanted) => comparison.matches(wanted, one, context)) !== test.negated;
  return test.quantifier === 'ForAllValues' ? actual.every(matches) : actual.some(matches);
}

/**
 * "The values do not match and the condition is false; if it requires that the key is not matched,
 * it is true." IfExists changes nothing for ForAnyValue: a live role with
 * `ForAnyValue:StringEqualsIfExists` was denied.
 */
function holdsWithoutKey({ quantifier, negated, ifExists }: ConditionTest): boolean {
  if (quantifier === 'ForAnyValue') return false;
  return quantifier === 'ForAllValues' || ifExists || negated;
}
