import { asCodedError, messageOf } from './errors.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** The log that a room needs. The daemon passes pino, tests pass an array. */
export type Log = ((level: LogLevel, message: string, fields?: LogFields) => void) & {
  /**
   * Whether this level is logged now. Saves building fields for nothing. If absent, all levels are
   * logged.
   */
  readonly isEnabled?: (level: LogLevel) => boolean;
};

/** A log that adds the same fields to every line. */
export function withFields(log: Log, added: LogFields): Log {
  const withAdded: Log = (level, message, fields) => {
    log(level, message, { ...added, ...fields });
  };
  return log.isEnabled ? Object.assign(withAdded, { isEnabled: log.isEnabled }) : withAdded;
}

/** The log fields of a failure: code, message and remedy. */
export function failureFields(thrown: unknown): LogFields {
  const { code, message, remedy, cause } = asCodedError(thrown);
  return { code, error: message, remedy, ...(cause === undefined ? {} : { cause: messageOf(cause) }) };
}
