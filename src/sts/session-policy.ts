import { readTrusted } from '../files/open-file.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import { utf8Text } from '../foundation/utf8-text.ts';
import type { PolicySource } from './assumed-role.ts';
import { stsError } from './sts-errors.ts';

/** STS counts the characters of inline and managed session policies together. */
const MOST_CHARACTERS = 2_048;

/**
 * The shortest JSON of a policy. Characters that STS does not accept are escaped.
 *
 * @param policy - the policy, or its JSON.
 * @returns undefined if it is not JSON.
 */
export function policyText(policy: unknown): string | undefined {
  try {
    const text = JSON.stringify(typeof policy === 'string' ? JSON.parse(policy) : policy);
    return text.replace(/[^\x20-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  } catch {
    return undefined;
  }
}

/** Why STS would refuse a session policy; undefined if nothing is known. Completes "must be". */
export function policyFault(text: string | undefined): string | undefined {
  if (text === undefined) return 'JSON';
  if (text.length > MOST_CHARACTERS) return `at most ${MOST_CHARACTERS} characters as JSON; it has ${text.length}`;
  const statements = field(JSON.parse(text), 'Statement');
  const all: unknown[] = Array.isArray(statements) ? statements : [statements];
  if (all.length === 0 || !all.every((one) => ['Allow', 'Deny'].includes(String(field(one, 'Effect')))))
    return 'a policy whose statements have an Effect of Allow or Deny';
  if (all.some((one) => hasElement(one, 'Principal'))) return 'a policy without Principal: it applies to the session';
  const missing = ['Action', 'Resource'].find((name) => !all.every((one) => hasElement(one, name)));
  return missing && `a policy whose statements have ${missing} or Not${missing}`;
}

function hasElement(statement: unknown, name: string): boolean {
  return [name, `Not${name}`].some((element) => field(statement, element) !== undefined);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** A longer file cannot hold a policy that STS accepts. */
const MOST_BYTES = 64 * 1024;

/**
 * Reads a policy file again for each call.
 *
 * @throws CodedError STS_POLICY_UNREADABLE, STS_POLICY_UNUSABLE, or one of `fileErrors` if other
 * users could change it.
 */
export async function policyIn(source: PolicySource | undefined): Promise<string | undefined> {
  if (source?.from !== 'file') return source?.text;
  const text = policyText(await contentOf(source.path));
  const fault = policyFault(text);
  if (fault === undefined) return text;
  throw stsError('STS_POLICY_UNUSABLE', `the session policy in ${source.path} must be ${fault}`);
}

async function contentOf(path: string): Promise<string> {
  try {
    return utf8Text(await readTrusted(path, MOST_BYTES));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw stsError('STS_POLICY_UNREADABLE', `cannot read the session policy ${path}: ${messageOf(error)}`, error);
  }
}
