import * as v from 'valibot';
import { keyText, type KeyPath } from '../foundation/config-finding.ts';
import type { CodedError } from '../foundation/errors.ts';
import { configError } from './config-errors.ts';
import { configSchema, identitySchema, knownKeys, type WrittenConfig } from './schema.ts';

export interface FormProblem {
  readonly path: KeyPath;
  readonly error: CodedError;
  /** Other keys that it follows from, of every item of a list where that is `*`. When one of them is wrong itself, this may be no problem. */
  readonly about?: readonly KeyPath[];
}

export type FormVerdict =
  | { readonly ok: true; readonly config: WrittenConfig }
  | { readonly ok: false; readonly problems: readonly FormProblem[] };

/** Checks every key and value on its own, and reports all that is wrong. */
export function checkForm(raw: unknown): FormVerdict {
  const result = v.safeParse(configSchema, raw);
  return result.success
    ? { ok: true, config: result.output }
    : { ok: false, problems: result.issues.map((issue) => problemOf(issue)) };
}

/** The identity of a configuration, whatever else is wrong with that; undefined where its own form is wrong. */
export function identityIn(raw: unknown): WrittenConfig['identity'] | undefined {
  const result = v.safeParse(v.object({ identity: identitySchema }), raw);
  return result.success ? result.output.identity : undefined;
}

function problemOf(issue: v.BaseIssue<unknown>): FormProblem {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const key = keyText(path);
  if (issue.type === 'strict_object' && issue.expected === 'never')
    return { path, error: configError('CONFIG_UNKNOWN_KEY', `unknown key "${key}"${suggestion(path)}`) };
  if (issue.input === undefined)
    return { path, error: configError('CONFIG_MISSING_KEY', `the key "${key}" is missing`) };
  return { path, error: configError('CONFIG_WRONG_VALUE', `${key || 'the file'} must be ${wanted(issue)}`) };
}

/** Objects bring their own wording; everything else has its message in the schema. */
function wanted(issue: v.BaseIssue<unknown>): string {
  return issue.message.startsWith('Invalid type') ? 'a map of keys' : issue.message;
}

/** Keys are often right but for case and separators: `role_arn`, `RoleARN`. */
function suggestion(path: KeyPath): string {
  const folded = fold(String(path.at(-1)));
  const known = knownKeys.find((key) => fold(key) === folded);
  return known === undefined ? '' : `; did you mean "${known}"?`;
}

function fold(key: string): string {
  return key.toLowerCase().replaceAll(/[-_]/g, '');
}
