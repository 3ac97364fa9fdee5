import { Command, CommanderError } from 'commander';
import { closestWord } from '../foundation/closest-word.ts';
import { printable } from '../foundation/printable.ts';
import { version } from '../foundation/version.ts';
import { EXIT_MISUSED, reportFailure } from './failure.ts';
import { withPlainFlags } from './identity-flags.ts';

const EXIT_DONE = 0;

/** Runs one command line. @returns the exit code. */
export type Program = (argv: readonly string[]) => Promise<number>;

export function programOf(commands: () => readonly Command[]): Program {
  return (argv) => run(commands(), argv);
}

async function run(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  let isJson = false;
  try {
    const root = rootOf(commands).hook('preAction', (_root, command) => {
      isJson = command.opts()['json'] === true;
    });
    await root.parseAsync(withPlainFlags(argv));
    return Number(process.exitCode ?? EXIT_DONE);
  } catch (error) {
    // Commander has printed the message. It throws for help and version too, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_MISUSED;
    return reportFailure(error, isJson);
  }
}

function rootOf(commands: readonly Command[]): Command {
  const root = new Command('imds-anywhere')
    .description('IAM Roles Anywhere credentials for unmodified AWS SDKs')
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', '\nExit codes: 0 done, 1 failed while running, 2 wrong command line or configuration.');
  for (const command of commands) root.addCommand(suggesting(command.exitOverride()));
  return suggesting(root.exitOverride());
}

/**
 * Replaces commander's suggestions, which ignore shortened words: for `--cert` it suggests
 * `--port`.
 */
function suggesting(command: Command): Command {
  return command.showSuggestionAfterError(false).configureOutput({
    outputError: (text, write) => {
      // The message contains words of the command line.
      write(printable(text + suggestion(text, command)));
    },
  });
}

function suggestion(text: string, { options, commands }: Command): string {
  const { kind, word = '' } = /^error: unknown (?<kind>option|command) '(?<word>[^']*)'/.exec(text)?.groups ?? {};
  if (kind === undefined) return '';
  const known =
    kind === 'option'
      ? options.filter(({ hidden }) => !hidden).map(({ long }) => long)
      : commands.map((one) => one.name());
  const closest = closestWord(
    word,
    known.filter((one) => one !== undefined),
  );
  return closest === undefined ? '' : `(Did you mean ${closest}?)\n`;
}
