import { asCodedError, messageOf } from './errors.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** What a room needs of a log. The daemon gives it pino; a test gives it an array. */
export type Log = ((level: LogLevel, message: string, fields?: LogFields) => void) & {
  /** Whether lines of this level are written at the moment: to save making fields for nothing. Absent: all are. */
  readonly isEnabled?: (level: LogLevel) => boolean;
};

/** A log that adds the same fields to every line. */
export function withFields(log: Log, added: LogFields): Log {
  const withAdded: Log = (level, message, fields) => {
    log(level, message, { ...added, ...fields });
  };
  return log.isEnabled ? Object.assign(withAdded, { isEnabled: log.isEnabled }) : withAdded;
}

/** The log fields of a failure: code, cause and remedy, as docs/errors.md has them. */
export function failureFields(thrown: unknown): LogFields {
  const { code, message, remedy, cause } = asCodedError(thrown);
  return { code, error: message, remedy, ...(cause === undefined ? {} : { cause: messageOf(cause) }) };
}
