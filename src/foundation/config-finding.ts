import type { CodedError } from './errors.ts';

/**
 * Where a value comes from: keys and list positions from the top of the configuration, or a flag or
 * variable.
 */
export type KeyPath = readonly (string | number)[];

/**
 * One problem in the configuration or in a file it names. Every check returns a list of these.
 * `check-config` merges the lists, adds line and column, and prints them. `error` has the code,
 * message and remedy.
 */
export interface ConfigFinding {
  readonly severity: 'error' | 'warning';
  /** Such as `['roles', 0, 'roleArn']`. */
  readonly path: KeyPath;
  readonly error: CodedError;
}

/** `roles[0].roleArn` */
export function keyText(path: KeyPath): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

/** A finding about a file, at the key that names the file. @param mayBeOpen - others may change it. */
export function configFinding(
  { error, isDangerous }: { readonly error: CodedError; readonly isDangerous: boolean },
  path: KeyPath,
  mayBeOpen = false,
): ConfigFinding {
  return { severity: isDangerous && !mayBeOpen ? 'error' : 'warning', path, error };
}
