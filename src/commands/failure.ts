import { ConfigInvalid } from '../config/config-errors.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { isJournal, journalText } from '../foundation/journal.ts';
import { printable, printableLine } from '../foundation/printable.ts';
import { pasteable } from './own-name.ts';

/** Failed while running, such as an address in use or no session. */
const EXIT_FAILED = 1;
/** The command line or the configuration is invalid; a retry does not help. */
export const EXIT_MISUSED = 2;
/** Commands whose other codes have a meaning: `status` describes the daemon, `exec` is its program. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  DAEMON_UNREACHABLE: 3,
  PROGRAM_NOT_STARTED: 126,
  PROGRAM_NOT_FOUND: 127,
};

/** Prints why a command failed, and what to do. @returns the exit code. */
export function reportFailure(error: unknown, isJson = false): number {
  const coded = asCodedError(error);
  const text = isJson ? jsonOf('error', coded) : printable(pasteable(complaint(coded), process.env));
  process.stderr.write(`${isJournal(2, process.env) ? journalText('error', text) : text}\n`);
  const isMisused = coded.kind === 'usage' || coded.kind === 'configuration';
  return EXIT_CODES[coded.code] ?? (isMisused ? EXIT_MISUSED : EXIT_FAILED);
}

/** One line, with the fields of the daemon's log. */
export function jsonOf(level: 'warn' | 'error', error: Pick<CodedError, 'code' | 'message' | 'remedy'>): string {
  const { code, message, remedy } = error;
  const problems =
    error instanceof ConfigInvalid
      ? error.problems.map((one) => ({
          key: one.key,
          place: one.place,
          code: one.error.code,
          error: one.error.message,
          remedy: one.error.remedy,
        }))
      : undefined;
  return printable(JSON.stringify({ level, code, error: message, remedy, problems }), '\\\\');
}

function complaint(error: CodedError): string {
  // A message can be a list, or have text of others.
  const lines = [`imds-anywhere: ${error.code}: ${error.message.replaceAll(/\s*\n\s*/g, '\n    ')}`];
  if (error instanceof ConfigInvalid)
    for (const { key, place, severity, error: problem } of error.problems)
      lines.push(
        ...[
          `  ${[place, key].filter((part) => part).join('  ')}`,
          `    ${severity === 'warning' ? 'warning ' : ''}${problem.code}: ${problem.message}`,
          `    ${problem.remedy}`,
        ].map(printableLine),
      );
  return [...lines, `  ${error.remedy}`].join('\n');
}
