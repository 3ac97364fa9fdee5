import type { Clock } from '../foundation/clock.ts';
import type { Accounts } from './access-rule.ts';

/** How long an answer is used before the directory is asked again. */
const PRESENT_MS = 60_000;
/**
 * getent also says "not found" while a directory service restarts. That must not deny a user for a
 * minute.
 */
const ABSENT_MS = 5_000;
const AFTER_FAILURE_MS = 5_000;
/** How long a request waits for a newer answer than the cached one. */
const PATIENCE_MS = 250;
/**
 * More users and groups than any configuration has. Beyond that, the least recently used is
 * removed.
 */
const MOST_REMEMBERED = 1_000;

/**
 * Asks the directory at most once a minute. The last answer replaces one from a hanging or failing
 * directory. A failure is never cached as "there is no such user".
 */
export function rememberedAccounts({ user, group }: Accounts, clock: Clock): Accounts {
  return { user: remembered(user, clock), group: remembered(group, clock) };
}

interface Entry<T> {
  answer?: { readonly found: T };
  failure?: unknown;
  askAgainAt: number;
  /** The pending lookup; never rejects. */
  asking?: { readonly ended: Promise<void>; readonly patience: Promise<void> } | undefined;
}

function remembered<T>(look: (key: string | number) => Promise<T>, clock: Clock) {
  const entries = new Map<string | number, Entry<T>>();
  return async (key: string | number): Promise<T> => {
    const entry = entries.get(key) ?? { askAgainAt: -Infinity };
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size > MOST_REMEMBERED) entries.delete(entries.keys().next().value ?? key);
    if (clock.monotonic() >= entry.askAgainAt) entry.asking ??= asking(entry, look(key), clock);
    const { asking: lookup, answer: previous } = entry;
    if (lookup) await (previous ? Promise.race([lookup.ended, lookup.patience]) : lookup.ended);
    if (!entry.answer) throw entry.failure;
    return entry.answer.found;
  };
}

function asking<T>(entry: Entry<T>, answer: Promise<T>, clock: Clock): Entry<T>['asking'] {
  const end = (validMs: number): void => {
    entry.askAgainAt = clock.monotonic() + validMs;
    entry.asking = undefined;
  };
  const ended = answer.then(
    (found) => {
      entry.answer = { found };
      end(found === undefined ? ABSENT_MS : PRESENT_MS);
    },
    (failure: unknown) => {
      entry.failure = failure;
      end(AFTER_FAILURE_MS);
    },
  );
  return { ended, patience: clock.sleep(PATIENCE_MS) };
}
