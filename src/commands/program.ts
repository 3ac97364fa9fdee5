import { Command, CommanderError } from 'commander';
import { ConfigInvalid } from '../config/config-errors.ts';
import { closestWord } from '../foundation/closest-word.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { isJournal, journalText } from '../foundation/journal.ts';
import { printable } from '../foundation/printable.ts';
import { version } from '../foundation/version.ts';
import { withPlainFlags } from './identity-flags.ts';
import { pasteable } from './own-name.ts';

const EXIT_DONE = 0;
/** Failed while running, such as an address in use or no session. */
const EXIT_FAILED = 1;
/** The command line or the configuration is invalid; a retry does not help. */
const EXIT_MISUSED = 2;
/** Commands whose other codes have a meaning: `status` describes the daemon, `exec` is its program. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  DAEMON_UNREACHABLE: 3,
  PROGRAM_NOT_STARTED: 126,
  PROGRAM_NOT_FOUND: 127,
};

/** Runs one command line. @returns the exit code. */
export type Program = (argv: readonly string[]) => Promise<number>;

export function programOf(commands: () => readonly Command[]): Program {
  return (argv) => run(commands(), argv);
}

async function run(commands: readonly Command[], argv: readonly string[]): Promise<number> {
  try {
    await rootOf(commands).parseAsync(withPlainFlags(argv));
    return Number(process.exitCode ?? EXIT_DONE);
  } catch (error) {
    // Commander has printed the message. It throws for help and version too, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_MISUSED;
    const coded = asCodedError(error);
    const text = printable(pasteable(complaint(coded), process.env));
    process.stderr.write(`${isJournal(2, process.env) ? journalText('error', text) : text}\n`);
    const isMisused = coded.kind === 'usage' || coded.kind === 'configuration';
    return EXIT_CODES[coded.code] ?? (isMisused ? EXIT_MISUSED : EXIT_FAILED);
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

function complaint(error: CodedError): string {
  const lines = [`imds-anywhere: ${error.code}: ${error.message}`];
  if (error instanceof ConfigInvalid)
    for (const { key, place, severity, error: problem } of error.problems)
      lines.push(
        `  ${[place, key].filter((part) => part).join('  ')}`,
        `    ${severity === 'warning' ? 'warning ' : ''}${problem.code}: ${problem.message}`,
        `    ${problem.remedy}`,
      );
  return [...lines, `  ${error.remedy}`].join('\n');
}
