import type { Config } from '../config/config.ts';
import type { Log } from '../foundation/logger.ts';
import { createLog } from '../foundation/pino-log.ts';

type LogLevel = Config['log']['level'];

export interface AdjustableLog {
  readonly log: Log;
  readonly setLevel: (level: LogLevel) => Promise<void>;
  /** To `debug`, and from there back to the level that was set. */
  readonly toggleDebug: () => Promise<void>;
}

/** A log whose level can change while everybody holds on to it. */
export async function adjustableLog(level: LogLevel): Promise<AdjustableLog> {
  const readable = process.stderr.isTTY;
  let wanted = level;
  let current = level;
  let write = await createLog({ level, readable });
  const use = async (next: LogLevel): Promise<void> => {
    if (next === current) return;
    current = next;
    write = await createLog({ level: next, readable });
    write('info', 'log level', { level: next });
  };
  return {
    log: (...line) => {
      write(...line);
    },
    setLevel: async (next) => {
      wanted = next;
      await use(next);
    },
    toggleDebug: () => use(current === 'debug' ? wanted : 'debug'),
  };
}
