import { messageOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';

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
  const passing = new SayOnce();
  const forGood = new SayOnce();
  const warning = (said: SayOnce) => (thrown: unknown) => {
    if (said.isNews(messageOf(thrown), '')) log('warn', 'stored state', failureFields(thrown));
  };
  return {
    trouble: warning(passing),
    lasting: warning(forGood),
    written: () => {
      if (passing.clearAll()) log('info', 'state is stored again');
    },
  };
}
