import type { Clock } from '../foundation/clock.ts';
import type { Accounts } from './access-rule.ts';

const REMEMBERED_MS = 60_000;
/** More users and groups than any configuration names; then all are looked up anew. */
const MOST_REMEMBERED = 1_000;

/** Looks everybody up once a minute at most. */
export function rememberedAccounts({ user, group }: Accounts, clock: Pick<Clock, 'now'>): Accounts {
  return { user: remembered(user, clock), group: remembered(group, clock) };
}

function remembered<T>(look: (key: string | number) => Promise<T>, clock: Pick<Clock, 'now'>) {
  const seen = new Map<string | number, { readonly at: number; readonly found: Promise<T> }>();
  return (key: string | number): Promise<T> => {
    const now = clock.now();
    const last = seen.get(key);
    if (last && Math.abs(now - last.at) < REMEMBERED_MS) return last.found;
    if (seen.size >= MOST_REMEMBERED) seen.clear();
    const found = look(key);
    seen.set(key, { at: now, found });
    return found;
  };
}
