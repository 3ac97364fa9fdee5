import type { CodedError } from './errors.ts';

/** Where something was written: keys and list positions from the top of the configuration, or one flag or variable. */
export type KeyPath = readonly (string | number)[];

/**
 * One thing that a check found, in the configuration or in what it names. Every check returns a list of these; `check-config`
 * puts the lists together, adds line and column to each, and prints them. Code, message and remedy are those of `error`.
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
