import type { RoleSession } from '../rolesanywhere/role-session.ts';

/**
 * A client with a new token for each request must not fill memory or disk. No real host has this
 * many clients.
 */
export const MOST_CLIENTS = 1_000;

/** `full`: the first client that is not remembered. */
export type Sighting = 'new' | 'known' | 'full' | 'beyond';

/** Remembers which client read which session at which endpoint, for the life of the session. */
export class SeenClients {
  readonly #seen = new WeakMap<RoleSession, Map<string, Set<string>>>();

  see(session: RoleSession, endpoint: string, client: string): Sighting {
    const clients = this.#clientsOf(session, endpoint);
    if (clients.has(client)) return 'known';
    if (clients.size > MOST_CLIENTS) return 'beyond';
    clients.add(client);
    return clients.size > MOST_CLIENTS ? 'full' : 'new';
  }

  #clientsOf(session: RoleSession, endpoint: string): Set<string> {
    const endpoints = this.#seen.get(session) ?? new Map<string, Set<string>>();
    this.#seen.set(session, endpoints);
    const clients = endpoints.get(endpoint) ?? new Set<string>();
    endpoints.set(endpoint, clients);
    return clients;
  }
}
