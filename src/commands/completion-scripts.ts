import { singleQuoted } from '../foundation/shell-word.ts';

/**
 * A subcommand for a completion script. Derived from commander's own description, so it is always
 * current.
 */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** The values of its argument; empty: a file. Undefined: it takes no argument. */
  readonly argument: readonly string[] | undefined;
}

export interface CompletedOption {
  /** Such as `-c`, `--config`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Empty: a file, or unknown. */
  readonly choices: readonly string[];
}

type CompletionScript = (commands: readonly CompletedCommand[]) => string;

/** One script per shell. Descriptions are our own, but quoted anyway. */
export const completionScripts: Readonly<Record<'bash' | 'zsh' | 'fish', CompletionScript>> = { bash, zsh, fish };

/** Without candidates, `-o default` completes files. */
function bash(commands: readonly CompletedCommand[]): string {
  return `# bash completion of imds-anywhere
_imds_anywhere() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words=${singleQuoted(commands.map(({ name }) => name).join(' '))}
  else
    case "\${COMP_WORDS[1]} \${COMP_WORDS[COMP_CWORD - 1]}" in
${commands.flatMap(bashValues).join('\n')}
      *) case "\${COMP_WORDS[1]} $current" in
${commands.flatMap(bashWords).join('\n')}
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _imds_anywhere imds-anywhere
`;
}

function bashValues({ name, options }: CompletedCommand): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(
      ({ flags, choices }) =>
        `      ${flags.map((flag) => `"${name} ${flag}"`).join(' | ')}) words=${singleQuoted(choices.join(' '))} ;;`,
    );
}

function bashWords({ name, options, argument = [] }: CompletedCommand): string[] {
  const flags = options.flatMap((option) => option.flags).filter((flag) => flag.startsWith('--'));
  return [
    `        "${name} -"*) words=${singleQuoted(flags.join(' '))} ;;`,
    ...(argument.length > 0 ? [`        "${name} "*) words=${singleQuoted(argument.join(' '))} ;;`] : []),
  ];
}

function zsh(commands: readonly CompletedCommand[]): string {
  return `#compdef imds-anywhere
local -a commands=(
${commands.map(({ name, description }) => `  ${singleQuoted(`${name}:${description}`)}`).join('\n')}
)
if (( CURRENT == 2 )); then
  _describe command commands
  return
fi
local subcommand=$words[2]
shift words
(( CURRENT-- ))
case $subcommand in
${commands.map(zshCommand).join('\n')}
esac
`;
}

function zshCommand({ name, options, argument }: CompletedCommand): string {
  const rest = argument && (argument.length > 0 ? `1:value:(${argument.join(' ')})` : '*:file:_files');
  const specs = [...options.flatMap(zshOption), ...(rest === undefined ? [] : [rest])];
  return `  ${name}) _arguments ${specs.map(singleQuoted).join(' ')} ;;`;
}

function zshOption({ flags, description, takesValue, choices }: CompletedOption): string[] {
  const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : ':value:_files';
  const text = description.replaceAll(/[[\]\\:]/g, (character) => `\\${character}`);
  return flags.map((flag) => `${flag}[${text}]${takesValue ? value : ''}`);
}

function fish(commands: readonly CompletedCommand[]): string {
  const names = commands.map(
    ({ name, description }) =>
      `complete -c imds-anywhere -f -n __fish_use_subcommand -a ${name} -d ${fishQuoted(description)}`,
  );
  return ['# fish completion of imds-anywhere', ...names, ...commands.flatMap(fishCommand), ''].join('\n');
}

function fishCommand({ name, options, argument = [] }: CompletedCommand): string[] {
  const line = `complete -c imds-anywhere -n '__fish_seen_subcommand_from ${name}'`;
  return [
    ...options.map((option) => `${line} ${fishOption(option)}`),
    ...(argument.length > 0 ? [`${line} -f -a ${fishQuoted(argument.join(' '))}`] : []),
  ];
}

function fishOption({ flags, description, takesValue, choices }: CompletedOption): string {
  return [
    ...flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)),
    ...(takesValue ? ['-r'] : []),
    ...(choices.length > 0 ? [`-f -a ${fishQuoted(choices.join(' '))}`] : []),
    `-d ${fishQuoted(description)}`,
  ].join(' ');
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, (character) => `\\${character}`)}'`;
}
