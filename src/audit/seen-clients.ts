import type { RoleSession } from '../rolesanywhere/role-session.ts';

/** Whoever asks with a new token each time, or means to fill the disk, must not; no honest host has as many clients. */
export const MOST_CLIENTS = 1_000;

/** `full`: this is the first that is not remembered any more. */
export type Sighting = 'new' | 'known' | 'full' | 'beyond';

/** Who has read which session at which endpoint, as long as there is the session. */
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
