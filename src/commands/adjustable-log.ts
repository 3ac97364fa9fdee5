import type { Config } from '../config/config.ts';
import type { Log } from '../foundation/logger.ts';
import { createLog } from '../foundation/pino-log.ts';

type LogConfig = Config['log'];
type LogLevel = LogConfig['level'];

export interface AdjustableLog {
  readonly log: Log;
  readonly setLevel: (level: LogLevel) => void;
  /** Switches to `debug`, and back to the configured level. */
  readonly toggleDebug: () => void;
}

export async function adjustableLog(config: LogConfig): Promise<AdjustableLog> {
  let wanted = config.level;
  let current = config.level;
  const log = await createLog({ ...config, readable: process.stderr.isTTY });
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
