import type { BaseIssue } from 'valibot';
import { closestWord } from '../foundation/closest-word.ts';
import { type KeyPath, keyText } from '../foundation/config-finding.ts';
import type { CodedError } from '../foundation/errors.ts';
import { configError } from './config-errors.ts';
import { knownKeys, parsedConfig, type WrittenConfig } from './schema.ts';

export interface FormProblem {
  readonly path: KeyPath;
  readonly error: CodedError;
  /**
   * Keys that this problem follows from; `*` means every item of a list. If one of them has a
   * problem itself, this may not be one.
   */
  readonly about?: readonly KeyPath[];
}

export type FormVerdict =
  | { readonly ok: true; readonly config: WrittenConfig }
  | { readonly ok: false; readonly problems: readonly FormProblem[] };

/**
 * Checks every key and value on its own, and reports all problems.
 *
 * @param directory - paths are relative to it.
 */
export function checkForm(raw: unknown, directory: string): FormVerdict {
  const result = parsedConfig(raw, directory);
  return result.success
    ? { ok: true, config: result.output }
    : { ok: false, problems: withoutMeant(result.issues.map((issue) => problemOf(issue))) };
}

/** A misspelt key is one problem. The missing right key is not another one. */
function withoutMeant(problems: readonly (FormProblem & { readonly meant?: KeyPath | undefined })[]): FormProblem[] {
  const meant = new Set(problems.flatMap((problem) => (problem.meant ? [keyText(problem.meant)] : [])));
  return problems.filter(({ path, error }) => error.code !== 'CONFIG_MISSING_KEY' || !meant.has(keyText(path)));
}

function problemOf(issue: BaseIssue<unknown>): FormProblem & { readonly meant?: KeyPath | undefined } {
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const key = keyText(path);
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    // To valibot, a list is an object whose keys are numbers.
    if (Array.isArray(issue.path?.at(-1)?.input)) return wrongValue(path.slice(0, -1), 'a map of keys');
    const meant = meantBy(path);
    const suggestion = meant ? `; did you mean "${keyText(meant)}"?` : '';
    return { path, meant, error: configError('CONFIG_UNKNOWN_KEY', `unknown key "${key}"${suggestion}`) };
  }
  if (issue.input === undefined)
    return { path, error: configError('CONFIG_MISSING_KEY', `the key "${key}" is missing`) };
  return wrongValue(path, wanted(issue));
}

function wrongValue(path: KeyPath, wanted: string): FormProblem {
  return { path, error: configError('CONFIG_WRONG_VALUE', `${keyText(path) || 'the file'} must be ${wanted}`) };
}

/** Objects have their own wording. Everything else has its message in the schema. */
function wanted(issue: BaseIssue<unknown>): string {
  return issue.message.startsWith('Invalid type') ? 'a map of keys' : issue.message;
}

/** The intended key of an unknown one: in the same map, or else in another. */
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
