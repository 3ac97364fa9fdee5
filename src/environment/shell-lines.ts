import path from 'node:path';
import type { Environment } from '../foundation/process-environment.ts';
import { isPlainWord, shellWord } from '../foundation/shell-word.ts';
import { endpointVariables, exemptions, NO_PROXY } from './endpoint-variables.ts';
import type { EndpointAddress, Fix } from './sdk-settings.ts';

/** The supported shells. */
export const SHELLS = ['sh', 'bash', 'zsh', 'fish', 'powershell', 'dotenv'] as const;
export type Shell = (typeof SHELLS)[number];

/** Lines that point a shell's AWS SDKs at an endpoint. */
export function environmentLines(endpoint: EndpointAddress, shell: Shell): string[] {
  const { append } = SYNTAX[shell];
  return [...settingLines(endpointVariables(endpoint), shell), ...append(NO_PROXY, exemptions(endpoint.url))];
}

export function settingLines(variables: Readonly<Record<string, string>>, shell: Shell): string[] {
  return Object.entries(variables).map(([name, value]) => SYNTAX[shell].set(name, value));
}

/** The shell that the user most likely pastes text into. */
export function usersShell({ SHELL = '' }: Environment): Shell {
  return path.basename(SHELL) === 'fish' ? 'fish' : 'sh';
}

/** A fix as lines for a shell. `dotenv` is a file, so lines are removed from it. */
export function fixLines(fix: Fix, shell: Shell): readonly string[] {
  const { unset, append } = SYNTAX[shell];
  switch (fix.do) {
    case 'unset':
      return [unset(fix.names)];
    case 'set':
      return settingLines(fix.variables, shell);
    case 'append':
      return append(fix.names, fix.value);
    case 'remove':
      return [`remove ${fix.what} from ${fix.file}: ${linesNamed(fix.lines)}`];
    case 'edit':
      return [fix.how];
  }
}

function linesNamed(lines: readonly number[]): string {
  return `${lines.length === 1 ? 'line' : 'lines'} ${lines.join(', ')}`;
}

function fishWord(value: string): string {
  return isPlainWord(value) ? value : `'${value.replaceAll(/[\\']/g, '\\$&')}'`;
}

interface Syntax {
  readonly set: (name: string, value: string) => string;
  readonly unset: (names: readonly string[]) => string;
  /** Appends to comma-separated lists. Keeps the existing value if the shell can. */
  readonly append: (names: readonly string[], value: string) => readonly string[];
}

const POSIX: Syntax = {
  set: (name, value) => `export ${name}=${shellWord(value)}`,
  unset: (names) => `unset ${names.join(' ')}`,
  append: (names, value) => names.map((name) => `export ${name}="\${${name}:+$${name},}${value}"`),
};

const SYNTAX: Readonly<Record<Shell, Syntax>> = {
  sh: POSIX,
  bash: POSIX,
  zsh: POSIX,
  fish: {
    set: (name, value) => `set -gx ${name} ${fishWord(value)}`,
    unset: (names) => `set -e ${names.join(' ')}`,
    append: (names, value) => names.map((name) => `set -gx ${name} (string join , $${name} ${value})`),
  },
  powershell: {
    set: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
    unset: (names) => `Remove-Item ${names.map((name) => `Env:${name}`).join(', ')}`,
    // Its variable names are case-insensitive.
    append: ([name = ''], value) => [`$env:${name} = (@($env:${name}, '${value}') | Where-Object { $_ }) -join ','`],
  },
  dotenv: {
    set: (name, value) => `${name}=${value}`,
    unset: (names) => `# remove ${names.join(', ')}`,
    append: (names, value) => names.map((name) => `${name}=${value}`),
  },
};
