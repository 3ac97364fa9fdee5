import type { Config } from '../config/config.ts';
import type { Log } from '../foundation/logger.ts';
import { createLog } from '../foundation/pino-log.ts';

type LogLevel = Config['log']['level'];

export interface AdjustableLog {
  readonly log: Log;
  readonly setLevel: (level: LogLevel) => void;
  /** Switches to `debug`, and back to the configured level. */
  readonly toggleDebug: () => void;
}

export async function adjustableLog(level: LogLevel): Promise<AdjustableLog> {
  let wanted = level;
  let current = level;
  const log = await createLog({ level, readable: process.stderr.isTTY });
  const use = (next: LogLevel): void => {
    if (next === current) return;
    current = next;
    log.setLevel(next);
    log('info', 'log level', { level: next });
  };
  return {
    log,
    setLevel: (next) => {
      wanted = next;
      use(next);
    },
    toggleDebug: () => {
      use(current === 'debug' ? wanted : 'debug');
    },
  };
}
