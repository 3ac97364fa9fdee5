import { failureFields, type Log } from '../foundation/logger.ts';
import { messageOf } from '../foundation/errors.ts';

export interface StateLog {
  /** Warns once, until something changes. */
  readonly trouble: (thrown: unknown) => void;
  /** Warns once per process, because the state lasts as long as the process. */
  readonly lasting: (thrown: unknown) => void;
  /** The directory works. */
  readonly written: () => void;
}

/** Logs problems of stored state once per change, and their end. */
export function stateLog(log: Log): StateLog {
  const said = new Set<string>();
  const lasting = new Set<string>();
  return {
    trouble: (thrown) => {
      const message = messageOf(thrown);
      if (said.has(message)) return;
      said.add(message);
      log('warn', 'stored state', failureFields(thrown));
    },
    lasting: (thrown) => {
      const message = messageOf(thrown);
      if (lasting.has(message)) return;
      lasting.add(message);
      log('warn', 'stored state', failureFields(thrown));
    },
    written: () => {
      if (said.size > 0) log('info', 'state is stored again');
      said.clear();
    },
  };
}
