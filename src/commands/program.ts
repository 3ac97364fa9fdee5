import { Command, CommanderError } from 'commander';
import { closestWord } from '../foundation/closest-word.ts';
import { version } from '../foundation/version.ts';
import { writeReport } from './answer.ts';
import { commandError } from './command-errors.ts';
import { EXIT_MISUSED, reportFailure } from './failure.ts';
import { ownWords, withPlainFlags } from './identity-flags.ts';

const EXIT_DONE = 0;

/** Runs one command line. @returns the exit code. */
export type Program = (argv: readonly string[]) => Promise<number>;

export function programOf(commands: () => readonly Command[]): Program {
  return (argv) => run(commands(), argv);
}

async function run(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  // Until the command is known.
  let isJson = ownWords(argv).includes('--json');
  const printed: string[] = [];
  try {
    const root = rootOf(commands, (text) => printed.push(text)).hook('preAction', (_root, command) => {
      isJson = command.opts()['json'] === true;
    });
    await root.parseAsync(withPlainFlags(argv));
    return Number(process.exitCode ?? EXIT_DONE);
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportFailure(error, isJson);
    // Without a command, help has been printed to standard error.
    return error.exitCode === 0 ? report(printed.join(''), isJson) : EXIT_MISUSED;
  }
}

/** Prints help or the version. @returns the exit code. */
async function report(text: string, isJson: boolean): Promise<number> {
  return writeReport(text).then(
    () => EXIT_DONE,
    (error: unknown) => reportFailure(error, isJson),
  );
}

function rootOf(commands: readonly Command[], print: (text: string) => void): Command {
  const root = new Command('imds-anywhere')
    .description('IAM Roles Anywhere credentials for unmodified AWS SDKs')
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed while running, 2 wrong command line or configuration.');
  for (const command of [...commands, helpCommand(root)]) root.addCommand(reporting(command, print));
  return reporting(root, print);
}

/** Commander's own prints the help of the program for an unknown command, and does not name it. */
function helpCommand(root: Command): Command {
  return new Command('help')
    .description('display help for command')
    .argument('[command]')
    .allowExcessArguments()
    .action((name: string | undefined) => {
      const found = name === undefined ? root : root.commands.find((one) => one.name() === name);
      if (found) found.help();
      root.error(`unknown command '${name ?? ''}'`);
    });
}

/**
 * Makes commander's errors failures like all others, and keeps what it prints. Its own suggestions
 * ignore shortened words: for `--cert` it suggests `--port`.
 */
function reporting(command: Command, print: (text: string) => void): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: print,
      outputError: (text) => {
        const what = text.replace(/^error: /, '').replace(/\.?\n$/, '');
        throw commandError('COMMAND_LINE_INVALID', what + suggestion(what, command));
      },
    });
}

function suggestion(what: string, { options, commands }: Command): string {
  const { kind, word = '' } = /^unknown (?<kind>option|command) '(?<word>[^']*)'/.exec(what)?.groups ?? {};
  if (kind === undefined) return '';
  const known =
    kind === 'option'
      ? options.filter(({ hidden }) => !hidden).map(({ long }) => long)
      : commands.map((one) => one.name());
  const closest = closestWord(
    word,
    known.filter((one) => one !== undefined),
  );
  return closest === undefined ? '' : `: did you mean ${closest}?`;
}
