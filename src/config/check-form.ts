import * as v from 'valibot';
import { configError, type ConfigProblem } from './config-errors.ts';
import { configSchema, knownKeys, type WrittenConfig } from './schema.ts';

/** Keys and list positions from the top of the configuration. */
export type KeyPath = readonly (string | number)[];

export type FormProblem = Pick<ConfigProblem, 'error'> & { readonly path: KeyPath };

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

/** `roles[0].roleArn` */
export function keyText(path: KeyPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
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
