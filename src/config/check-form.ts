import * as v from 'valibot';
import { keyText, type KeyPath } from '../foundation/config-finding.ts';
import { closestWord } from '../foundation/closest-word.ts';
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
    : { ok: false, problems: withoutMeant(result.issues.map((issue) => problemOf(issue))) };
}

/** The identity of a configuration, whatever else is wrong with that; undefined where its own form is wrong. */
export function identityIn(raw: unknown): WrittenConfig['identity'] | undefined {
  const result = v.safeParse(v.object({ identity: identitySchema }), raw);
  return result.success ? result.output.identity : undefined;
}

/** A misspelt key is one problem, and not a second one because the right one is missing. */
function withoutMeant(problems: readonly (FormProblem & { readonly meant?: KeyPath | undefined })[]): FormProblem[] {
  const meant = new Set(problems.flatMap((problem) => (problem.meant ? [keyText(problem.meant)] : [])));
  return problems.filter(({ path, error }) => error.code !== 'CONFIG_MISSING_KEY' || !meant.has(keyText(path)));
}

function problemOf(issue: v.BaseIssue<unknown>): FormProblem & { readonly meant?: KeyPath | undefined } {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const key = keyText(path);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const meant = meantBy(path);
    const suggestion = meant ? `; did you mean "${keyText(meant)}"?` : '';
    return { path, meant, error: configError('CONFIG_UNKNOWN_KEY', `unknown key "${key}"${suggestion}`) };
  }
  if (issue.input === undefined)
    return { path, error: configError('CONFIG_MISSING_KEY', `the key "${key}" is missing`) };
  return { path, error: configError('CONFIG_WRONG_VALUE', `${key || 'the file'} must be ${wanted(issue)}`) };
}

/** Objects bring their own wording; everything else has its message in the schema. */
function wanted(issue: v.BaseIssue<unknown>): string {
  return issue.message.startsWith('Invalid type') ? 'a map of keys' : issue.message;
}

/** The key that an unknown one means: of the same map, or else of another. */
function meantBy(path: KeyPath): KeyPath | undefined {
  const above = path.slice(0, -1);
  const written = String(path.at(-1));
  const place = keyText(above).replaceAll(/\[\d+\]/g, '[]');
  const belongsHere = (key: string): boolean => key === (place === '' ? nameOf(key) : `${place}.${nameOf(key)}`);
  const sibling = closestWord(written, knownKeys.filter(belongsHere).map(nameOf));
  if (sibling !== undefined) return [...above, sibling];
  const elsewhere = closestWord(written, knownKeys.map(nameOf));
  const key = knownKeys.find((one) => nameOf(one) === elsewhere);
  return key === undefined ? undefined : [key];
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}
