import type { RoleSession } from '../rolesanywhere/role-session.ts';

/** Where the door gets its session from: memory, never the network. */
export interface HeldSession {
  /** The held session, unexpired, or undefined. */
  current(): RoleSession | undefined;
  /** Resolves when the first session has come, or after `ms`; at once if there ever was one. */
  waitForFirst(ms: number): Promise<void>;
}

/** A client that starts together with the daemon may wait this long; Go v2 gives up after 500 ms. */
const FIRST_SESSION_WAIT_MS = 250;

/** The held session; before the very first one, what comes within a quarter of a second. */
export async function sessionToServe(session: HeldSession): Promise<RoleSession | undefined> {
  const held = session.current();
  if (held) return held;
  await session.waitForFirst(FIRST_SESSION_WAIT_MS);
  return session.current();
}
