import { HELPER_FLAGS, foreignSource, goBoolean } from './helper-flags.ts';
import { shellCommands, type Word } from './shell-words.ts';

/** One command line of aws_signing_helper, wherever it stood. */
export interface HelperCommand {
  /** Counted from 1. */
  readonly line: number;
  /** The profile of ~/.aws/config whose credential_process it is. */
  readonly profile: string | undefined;
  readonly does: 'serve' | 'credential-process' | 'update';
  /** By name with both hyphens; those alone have an empty value. */
  readonly flags: ReadonlyMap<string, string>;
  readonly remarks: readonly Remark[];
}

/** Something that is not carried over as it stood. */
export interface Remark {
  readonly line: number;
  readonly text: string;
  /** Somebody has to do something; otherwise it is as good without. */
  readonly isLoss: boolean;
}

const PROGRAM = /(?:^|[\\/])aws_signing_helper(?:\.exe)?$/;
const COMMANDS = ['serve', 'credential-process', 'update'] as const;

/** The commands in a line that names the program, and what is in the way of understanding one. */
export function helperCommands(
  text: string,
  line: number,
  profile: string | undefined,
): readonly (HelperCommand | Remark)[] {
  const calls = callsIn(readable(text).replace(/^\s*\w+\s*=\s*[-@:+!]*/, ''));
  const hidden: Remark = { line, text: 'names aws_signing_helper, but no command of it is to be seen', isLoss: true };
  return calls.length === 0 ? [hidden] : calls.map((words) => helperCommand(words, line, profile) ?? hidden);
}

function helperCommand(
  [subcommand, ...args]: readonly Word[],
  line: number,
  profile: string | undefined,
): HelperCommand | Remark | undefined {
  if (!subcommand) return undefined;
  const does = COMMANDS.find((command) => command === subcommand.text);
  if (does) return { line, profile, does, ...flagsOf(args, line) };
  return { line, text: `aws_signing_helper ${subcommand.text}: there is no such command here`, isLoss: true };
}

/** On Windows a backslash is one, unless a quote follows. */
function readable(text: string): string {
  return /\.exe\b|(?:^|[\s"'=])[a-z]:\\/i.test(text) ? text.replaceAll(/\\(?!["'])/g, '\\\\') : text;
}

/** What stands behind the program's name, each time it is called; also in quotes: `sh -c 'exec aws_signing_helper …'`. */
function callsIn(text: string): readonly (readonly Word[])[] {
  return shellCommands(text).flatMap((words) => {
    const at = words.findIndex((word) => PROGRAM.test(word.text));
    if (at >= 0) return [words.slice(at + 1)];
    const quoted = words.filter(
      (word) => word.text !== text && /\s/.test(word.text) && word.text.includes('aws_signing_helper'),
    );
    return quoted.flatMap((word) => callsIn(word.text));
  });
}

function flagsOf(args: readonly Word[], line: number): Pick<HelperCommand, 'flags' | 'remarks'> {
  const flags = new Map<string, string>();
  const remarks: Remark[] = [];
  const remark = (text: string, isLoss: boolean): void => void remarks.push({ line, text, isLoss });
  const left = [...args];
  for (let word = left.shift(); word; word = left.shift()) {
    const { name = '', assigned } = /^(?<name>--?[\w-]+)(?:=(?<assigned>.*))?$/s.exec(word.text)?.groups ?? {};
    const flag = HELPER_FLAGS[name];
    if (!flag) {
      remark(name === '' ? 'a word that belongs to no flag' : `${name}: no flag of aws_signing_helper 1.8`, true);
      continue;
    }
    const source = flag.takesValue && assigned === undefined ? left.shift() : word;
    const value = flag.takesValue ? (assigned ?? source?.text) : '';
    if (value === undefined) remark(`${name}: without a value`, true);
    else if (!flag.takesValue && goBoolean(assigned ?? 'true') === false) remark(`${name}=false: as without it`, false);
    else {
      const { isKept, why, isLoss } = carriedOver(name, value);
      if (why !== '') remark(`${name}: ${why}`, isLoss);
      if (isKept && source?.hasVariable)
        remark(`${name}: ${value} has a variable in it, which is not replaced here`, true);
      if (isKept) flags.set(name, value);
    }
  }
  return { flags, remarks };
}

/** What the helper takes by default anyway. */
const DEFAULTS: Readonly<Record<string, string>> = { '--hop-limit': '64', '--system-store-name': 'MY' };

function carriedOver(
  name: string,
  value: string,
): { readonly isKept: boolean; readonly why: string; readonly isLoss: boolean } {
  const { here, instead } = HELPER_FLAGS[name] ?? { here: 'refused', instead: '' };
  if (DEFAULTS[name] === value) return { isKept: false, why: `${value} is what it is without the flag`, isLoss: false };
  const foreign = ['--certificate', '--private-key'].includes(name) ? foreignSource(value) : undefined;
  if (foreign !== undefined) return { isKept: false, why: foreign, isLoss: true };
  return { isKept: here === 'same', why: instead, isLoss: here === 'refused' };
}
