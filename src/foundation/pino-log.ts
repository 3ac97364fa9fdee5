import { pino, type DestinationStream } from 'pino';
import type { Log, LogLevel } from './logger.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON: when standard error is a terminal. */
  readonly readable: boolean;
}

/**
 * JSON lines on standard error, which leaves standard output to a command's answer. Written synchronously: a daemon that logs
 * once per change of state loses nothing by it, and no line is lost when it ends.
 */
export async function createLog(options: LogOptions): Promise<Log> {
  const destination = options.readable ? await readable() : jsonDestination();
  const logger = pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    destination,
  );
  return (level, message, fields) => {
    logger[level](fields ?? {}, message);
  };
}

const formatters = { level: (label: string): object => ({ level: label }) };

function jsonDestination(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true });
  // Whoever read the log has gone: no reason to stop serving credentials.
  destination.on('error', () => undefined);
  return destination;
}

/** A module of ours, since a bundle gives a dynamically imported CommonJS package no names. */
async function readable(): Promise<DestinationStream> {
  const { readableDestination } = await import('./readable-log.ts');
  return readableDestination();
}
