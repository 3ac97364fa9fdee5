import type { RoleSession } from '../rolesanywhere/role-session.ts';

/** Where an endpoint gets its session from: memory, never the network. */
export interface HeldSession {
  /** The held session, unexpired, or undefined. */
  current(): RoleSession | undefined;
  /** Resolves when the first session has come, or after `ms`; at once if there ever was one. */
  waitForFirst(ms: number): Promise<void>;
}

/** A client that starts together with the daemon may wait this long; Go v2 gives up after 500 ms. */
export const FIRST_SESSION_WAIT_MS = 250;
