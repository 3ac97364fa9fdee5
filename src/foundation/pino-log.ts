import { type DestinationStream, pino } from 'pino';
import { isJournal, journalLine } from './journal.ts';
import type { Log, LogLevel } from './logger.ts';
import { printable } from './printable.ts';
import { type Lines, STANDARD_ERROR, standardErrorLines } from './standard-error.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Readable lines instead of JSON, for a terminal. */
  readonly readable: boolean;
}

/** A log whose level can change while it is in use. */
export type LevelledLog = Log & { readonly setLevel: (level: LogLevel) => void };

/**
 * Writes JSON lines to standard error, or journal lines with a priority. Standard output is for a
 * command's answer. Writes are synchronous: the daemon logs only on changes of state, so this costs
 * nothing, and no line is lost at the exit.
 */
export async function createLog(options: LogOptions): Promise<LevelledLog> {
  const missed = (lines: number): void => {
    log('warn', 'log lines dropped: standard error was blocked', { linesLost: lines });
  };
  const toJournal = isJournal(STANDARD_ERROR, process.env);
  const lines = standardErrorLines(missed);
  const destination = toJournal ? journal(lines) : options.readable ? await readable() : lines;
  const logger = pino(
    { level: options.level, base: null, timestamp: !toJournal && pino.stdTimeFunctions.isoTime, formatters },
    destination,
  );
  const log: Log = (level, message, fields) => {
    logger[level](fields ?? {}, message);
  };
  const setLevel = (level: LogLevel): void => {
    logger.level = level;
  };
  const isEnabled = (level: LogLevel): boolean => logger.isLevelEnabled(level);
  return Object.assign(log, { setLevel, isEnabled });
}

const formatters = { level: (label: string): object => ({ level: label }) };

/** Converts pino's output to journal lines. */
function journal(lines: Lines): DestinationStream {
  return {
    write: (json) => {
      const { level, msg, ...fields } = JSON.parse(json) as { readonly level: LogLevel; readonly msg: string };
      lines.write(`${printable(journalLine(level, msg, fields))}\n`);
    },
  };
}

/**
 * A separate module, because a bundle gives a dynamically imported CommonJS package no named
 * exports.
 */
async function readable(): Promise<DestinationStream> {
  const { readableDestination } = await import('./readable-log.ts');
  return readableDestination();
}
