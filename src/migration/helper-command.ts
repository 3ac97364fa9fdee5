import { parseArgs } from 'node:util';
import { COMMANDS, type HelperCall, type Origin } from './helper-calls.ts';
import { goBoolean, HELPER_FLAGS } from './helper-flags.ts';
import { manifestCalls } from './manifest-calls.ts';
import { textCalls } from './text-calls.ts';

/** One command line of aws_signing_helper, from any place. */
export interface HelperCommand {
  /** Counted from 1. */
  readonly line: number;
  readonly origin: Origin;
  readonly does: 'serve' | 'credential-process' | 'update';
  /** By name, with both hyphens. A flag without a value has an empty one. */
  readonly flags: ReadonlyMap<string, string>;
  readonly remarks: readonly Remark[];
}

/** Something that is not migrated as it was. */
export interface Remark {
  readonly line: number;
  readonly text: string;
  /** The user has to act. Otherwise the result works as well without it. */
  readonly isLoss: boolean;
}

/**
 * Everything in a file that calls aws_signing_helper. Each place that names it yields a command or
 * a remark.
 */
export function helperCommands(text: string): {
  readonly commands: readonly HelperCommand[];
  readonly remarks: readonly Remark[];
} {
  const found = (manifestCalls(text) ?? textCalls(text)).map(helperCommand);
  return {
    commands: found.filter((one) => 'does' in one),
    remarks: found.filter((one): one is Remark => !('does' in one)),
  };
}

function helperCommand({ line, origin, words: [subcommand, ...args] }: HelperCall): HelperCommand | Remark {
  const does = COMMANDS.find((command) => command === subcommand?.text);
  if (does) return { line, origin, does, ...flagsOf(args, line) };
  const text = subcommand
    ? `aws_signing_helper ${subcommand.text}: not supported here`
    : 'names aws_signing_helper, but without a command; render a template first (helm template)';
  return { line, text, isLoss: true };
}

function flagsOf(args: HelperCall['words'], line: number): Pick<HelperCommand, 'flags' | 'remarks'> {
  const flags = new Map<string, string>();
  const remarks: Remark[] = [];
  const remark = (text: string, isLoss: boolean): void => void remarks.push({ line, text, isLoss });
  const { tokens } = parseArgs({
    args: args.map(({ text }) => text.replace(/^-(?=[a-z]{2})/, '--')),
    options: KNOWN,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    const name = token.kind === 'option' ? token.rawName : '';
    const flag = HELPER_FLAGS[name];
    const value = token.kind === 'option' ? token.value : undefined;
    if (!flag) {
      const isVariable = args[token.index]?.hasVariable === true;
      const word = isVariable ? 'a variable, which is not expanded here' : 'a word that belongs to no flag';
      remark(name === '' ? word : `${name}: no flag of aws_signing_helper 1.8`, true);
    } else if (flag.takesValue && value === undefined) remark(`${name}: without a value`, true);
    else if (!flag.takesValue && goBoolean(value ?? 'true') === false) remark(`${name}=false: as without it`, false);
    else {
      const { isKept, why, isLoss } = carriedOver(name, value ?? '');
      if (why !== '') remark(`${name}: ${why}`, isLoss);
      const source = args[token.index + (token.kind === 'option' && token.inlineValue === false ? 1 : 0)];
      if (isKept && source?.hasVariable)
        remark(`${name}: ${value ?? ''} contains a variable, which is not expanded here`, true);
      if (isKept) flags.set(name, flag.takesValue ? (value ?? '') : '');
    }
  }
  return { flags, remarks };
}

const KNOWN = Object.fromEntries(
  Object.entries(HELPER_FLAGS).map(([name, { takesValue }]) => [
    name.slice(2),
    { type: takesValue ? 'string' : 'boolean' } as const,
  ]),
);

/** The helper's defaults. */
const DEFAULTS: Readonly<Record<string, string>> = { '--hop-limit': '64', '--system-store-name': 'MY' };

function carriedOver(
  name: string,
  value: string,
): { readonly isKept: boolean; readonly why: string; readonly isLoss: boolean } {
  const { here, instead } = HELPER_FLAGS[name] ?? { here: 'refused', instead: '' };
  if (DEFAULTS[name] === value) return { isKept: false, why: `${value} is what it is without the flag`, isLoss: false };
  return { isKept: here === 'same', why: instead, isLoss: here === 'refused' };
}
