import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { CodedError } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { printable } from '../foundation/printable.ts';
import { STANDARD_ERROR } from '../foundation/standard-error.ts';
import { jsonOf } from './failure.ts';

export type Warn = (warning: Pick<CodedError, 'code' | 'message' | 'remedy'>) => void;

export const warn: Warn = ({ code, message, remedy }) => {
  write(printable(`imds-anywhere: warning ${code}: ${message}\n  ${remedy}\n`));
};

export const warnInJson: Warn = (warning) => {
  write(`${jsonOf('warn', warning)}\n`);
};

/**
 * To standard error, which SDKs do not show. Not by Node's stream, which would make a pipe
 * non-blocking for the program of `exec` too.
 */
function write(text: string): void {
  try {
    writeSync(STANDARD_ERROR, text);
  } catch {
    // There is no reader.
  }
}

/** A log for the parts of the daemon that `exec` uses: its warnings, or everything with `--debug`. */
export async function warningLog(report: Warn, isDebug = false): Promise<Log> {
  if (isDebug) {
    const { createLog } = await import('../foundation/pino-log.ts');
    return createLog({ level: 'debug', readable: report === warn && isatty(STANDARD_ERROR) });
  }
  return (level, message, { code, error, remedy } = {}) => {
    if ((level === 'warn' || level === 'error') && typeof code === 'string')
      report({ code, message: `${message}: ${String(error)}`, remedy: String(remedy) });
  };
}
