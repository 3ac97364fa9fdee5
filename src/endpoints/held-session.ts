import type { RoleSession } from '../rolesanywhere/role-session.ts';

/** The session of an endpoint, from memory, never from the network. */
export interface HeldSession {
  /** The current, unexpired session, or undefined. */
  current(): RoleSession | undefined;
  /** Resolves with the first session, or after `ms`. Resolves at once if there has been one. */
  waitForFirst(ms: number): Promise<void>;
}

/** A client that starts together with the daemon may wait this long. Go v2 gives up after 500 ms. */
export const FIRST_SESSION_WAIT_MS = 250;
