// IAM User Guide, "IAM JSON policy elements: Condition operators".
import { isInRange } from '../foundation/address.ts';
import type { RequestContext } from './access-request.ts';
import { arnPatternParts, matchesArn, matchesIgnoringCase, matchesPattern, type Pattern } from './pattern.ts';

/** How an operator compares one value of the policy with one of the request. */
export interface Comparison {
  /** Whether `*` and `?` are wildcards; undefined if the value is no text and has no variables. */
  readonly wildcards: boolean | undefined;
  readonly matches: (wanted: Pattern, actual: string, context: RequestContext) => boolean;
  /** What a value of a policy must be, if not every text is one. */
  readonly accepts?: { readonly form: (wanted: Pattern) => boolean; readonly what: string };
}

export type ComparisonName = keyof typeof COMPARISONS;

const ARN: Comparison = {
  wildcards: true,
  matches: matchesArn,
  accepts: {
    form: (wanted) => arnPatternParts(wanted).length === 6,
    what: 'ARNs of six parts (wildcards allowed): arn:partition:service:region:account:resource',
  },
};

/** The operators without their negations, which are in {@link NEGATIONS}. */
export const COMPARISONS = {
  StringEquals: { wildcards: false, matches: matchesPattern },
  StringEqualsIgnoreCase: { wildcards: false, matches: matchesIgnoringCase },
  StringLike: { wildcards: true, matches: matchesPattern },
  // IAM gives ArnEquals and ArnLike the same meaning.
  ArnEquals: ARN,
  ArnLike: ARN,
  NumericEquals: numeric((actual, wanted) => actual === wanted),
  NumericLessThan: numeric((actual, wanted) => actual < wanted),
  NumericLessThanEquals: numeric((actual, wanted) => actual <= wanted),
  NumericGreaterThan: numeric((actual, wanted) => actual > wanted),
  NumericGreaterThanEquals: numeric((actual, wanted) => actual >= wanted),
  DateEquals: date((actual, wanted) => actual === wanted),
  DateLessThan: date((actual, wanted) => actual < wanted),
  DateLessThanEquals: date((actual, wanted) => actual <= wanted),
  DateGreaterThan: date((actual, wanted) => actual > wanted),
  DateGreaterThanEquals: date((actual, wanted) => actual >= wanted),
  Bool: {
    wildcards: undefined,
    matches: ({ text }, actual) => text.toLowerCase() === actual.toLowerCase(),
    accepts: { form: ({ text }) => /^(?:true|false)$/i.test(text), what: '"true" or "false"' },
  },
  BinaryEquals: {
    wildcards: undefined,
    matches: ({ text }, actual) => Buffer.from(text, 'base64').equals(Buffer.from(actual, 'base64')),
    accepts: { form: ({ text }) => /^[A-Za-z0-9+/]*={0,2}$/.test(text), what: 'base64' },
  },
  IpAddress: {
    wildcards: undefined,
    matches: ({ text }, actual) => isInRange(actual, text),
    accepts: { form: ({ text }) => isInRange(text.split('/')[0] ?? '', text), what: 'IP addresses or CIDR blocks' },
  },
} as const satisfies Readonly<Record<string, Comparison>>;

export const NEGATIONS: ReadonlyMap<string, ComparisonName> = new Map([
  ['StringNotEquals', 'StringEquals'],
  ['StringNotEqualsIgnoreCase', 'StringEqualsIgnoreCase'],
  ['StringNotLike', 'StringLike'],
  ['ArnNotEquals', 'ArnEquals'],
  ['ArnNotLike', 'ArnLike'],
  ['NumericNotEquals', 'NumericEquals'],
  ['DateNotEquals', 'DateEquals'],
  ['NotIpAddress', 'IpAddress'],
]);

type Order = (actual: number, wanted: number) => boolean;

function numeric(order: Order): Comparison {
  return ordered(order, numberIn, 'numbers');
}

function date(order: Order): Comparison {
  return ordered(order, timeIn, 'dates such as 2026-11-30T12:00:00Z, or seconds since 1970');
}

/** A value that is no number or date matches nothing. */
function ordered(order: Order, read: (text: string) => number | undefined, what: string): Comparison {
  return {
    wildcards: undefined,
    matches: ({ text }, actual) => {
      const [left, right] = [read(actual), read(text)];
      return left !== undefined && right !== undefined && order(left, right);
    },
    accepts: { form: ({ text }) => read(text) !== undefined, what },
  };
}

function numberIn(text: string): number | undefined {
  return /^[+-]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** The W3C forms of ISO 8601 with at least a month, or seconds since the epoch. */
const ISO_DATE = /^\d{4}-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?)?$/;

function timeIn(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const time = ISO_DATE.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
