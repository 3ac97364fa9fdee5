import * as v from 'valibot';
import { messageOf } from '../foundation/errors.ts';
import { permissionsPolicySchema, type PolicyDocument } from './policy-document.ts';

/** A session policy as a caller sends it. `problem` says why it is none. */
export function parsePolicyJson(
  text: string,
): { readonly document: PolicyDocument } | { readonly problem: string; readonly isJson: boolean } {
  const parsed = jsonIn(text);
  if ('problem' in parsed) return { ...parsed, isJson: false };
  const checked = checkedPolicy(permissionsPolicySchema, parsed.value);
  return 'problem' in checked ? { ...checked, isJson: true } : checked;
}

/** A document of one kind, from parsed JSON. */
export function checkedPolicy(
  schema: v.GenericSchema<unknown, PolicyDocument>,
  value: unknown,
): { readonly document: PolicyDocument } | { readonly problem: string } {
  const result = v.safeParse(schema, value);
  if (result.success) return { document: result.output };
  const problems = result.issues.map((issue) => [v.getDotPath(issue), issue.message].filter(Boolean).join(': '));
  return { problem: problems.join('; ') };
}

function jsonIn(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
