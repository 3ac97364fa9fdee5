import type { DaemonSnapshot, RoleSnapshot } from './snapshot.ts';

/**
 * - `fresh`: requests are answered, and the last call went well.
 * - `renewal_failing`: requests are answered from the held session; a new one is not to be had.
 * - `starting`: no session yet, and no call has failed.
 * - `no_session`: requests get 503.
 */
export type RoleCondition = 'fresh' | 'renewal_failing' | 'starting' | 'no_session';

/** `degraded` is ready too: every required role is served, but something is to be looked at. */
export type Readiness = 'ready' | 'degraded' | 'not_ready';

export function roleCondition({ keeper, current }: Pick<RoleSnapshot, 'keeper' | 'current'>): RoleCondition {
  if (current) return keeper.trouble ? 'renewal_failing' : 'fresh';
  return keeper.trouble || keeper.session ? 'no_session' : 'starting';
}

export function isRequired({ role }: RoleSnapshot): boolean {
  return role.required !== false;
}

/** When the service is asked next; in milliseconds since the epoch, past when it is being asked. */
export function nextCallAt({ keeper }: Pick<RoleSnapshot, 'keeper'>): number {
  return keeper.trouble?.retryAt ?? keeper.renewAt;
}

/** Liveness is something else: a daemon that waits for its first session must not be restarted for it. */
export function readinessOf({ roles, identity, configurationFault }: DaemonSnapshot): Readiness {
  if (roles.some((role) => isRequired(role) && !role.current)) return 'not_ready';
  const faults = [identity.refusal, identity.fault, configurationFault].filter((fault) => fault !== undefined);
  const isCalm = faults.length === 0 && roles.every((role) => roleCondition(role) === 'fresh');
  return isCalm ? 'ready' : 'degraded';
}
