import { pino, type DestinationStream } from 'pino';
import type { Log, LogLevel } from './logger.ts';
import { isJournal, journalLine } from './journal.ts';
import { printable } from './printable.ts';
import { STANDARD_ERROR, standardErrorLines, type Lines } from './standard-error.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON: when standard error is a terminal. */
  readonly readable: boolean;
}

/** A log whose level can change while everybody holds on to it. */
export type LevelledLog = Log & { readonly setLevel: (level: LogLevel) => void };

/**
 * JSON lines on standard error, and lines with a priority where that is systemd's journal: standard output is for a command's answer.
 * Written synchronously: a daemon that logs once per change of state loses nothing by it, and no line is lost when it ends.
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

/** What pino writes, as the journal takes it. */
function journal(lines: Lines): DestinationStream {
  return {
    write: (json) => {
      const { level, msg, ...fields } = JSON.parse(json) as { readonly level: LogLevel; readonly msg: string };
      lines.write(`${printable(journalLine(level, msg, fields))}\n`);
    },
  };
}

/** A module of ours, since a bundle gives a dynamically imported CommonJS package no names. */
async function readable(): Promise<DestinationStream> {
  const { readableDestination } = await import('./readable-log.ts');
  return readableDestination();
}
