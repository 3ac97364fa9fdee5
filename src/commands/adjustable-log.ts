import type { Config } from '../config/config.ts';
import type { Log } from '../foundation/logger.ts';
import { createLog } from '../foundation/pino-log.ts';

type LogLevel = Config['log']['level'];

export interface AdjustableLog {
  readonly log: Log;
  readonly setLevel: (level: LogLevel) => Promise<void>;
}

/** A log whose level can change while everybody holds on to it. */
export async function adjustableLog(level: LogLevel): Promise<AdjustableLog> {
  const readable = process.stderr.isTTY;
  let current = level;
  let write = await createLog({ level, readable });
  return {
    log: (...line) => {
      write(...line);
    },
    setLevel: async (wanted) => {
      if (wanted !== current) write = await createLog({ level: wanted, readable });
      current = wanted;
    },
  };
}
