import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { CodedError } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { printable } from '../foundation/printable.ts';
import { STANDARD_ERROR } from '../foundation/standard-error.ts';

/**
 * Written to standard error, which SDKs do not show. Not by Node's stream, which would make a pipe
 * non-blocking for the program of `exec` too.
 */
export function warn({ code, message, remedy }: Pick<CodedError, 'code' | 'message' | 'remedy'>): void {
  try {
    writeSync(STANDARD_ERROR, printable(`imds-anywhere: warning ${code}: ${message}\n  ${remedy}\n`));
  } catch {
    // There is no reader.
  }
}

/** A log for the parts of the daemon that `exec` uses: its warnings, or everything with `--debug`. */
export async function warningLog(isDebug = false): Promise<Log> {
  if (isDebug) {
    const { createLog } = await import('../foundation/pino-log.ts');
    return createLog({ level: 'debug', readable: isatty(STANDARD_ERROR) });
  }
  return (level, message, { code, error, remedy } = {}) => {
    if ((level === 'warn' || level === 'error') && typeof code === 'string')
      warn({ code, message: `${message}: ${String(error)}`, remedy: String(remedy) });
  };
}
