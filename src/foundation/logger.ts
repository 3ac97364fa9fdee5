import { asCodedError, messageOf } from './errors.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** What a room needs of a log. The daemon gives it pino; a test gives it an array. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** A log that adds the same fields to every line. */
export function withFields(log: Log, added: LogFields): Log {
  return (level, message, fields) => {
    log(level, message, { ...added, ...fields });
  };
}

/** The log fields of a failure: code, cause and remedy, as docs/errors.md has them. */
export function failureFields(thrown: unknown): LogFields {
  const { code, message, remedy, cause } = asCodedError(thrown);
  return { code, error: message, remedy, ...(cause === undefined ? {} : { cause: messageOf(cause) }) };
}
