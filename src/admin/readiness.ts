import type { DaemonSnapshot, RoleSnapshot } from './snapshot.ts';

/**
 * - `fresh`: requests are answered, and the last call succeeded.
 * - `renewal_failing`: requests are answered with the current session; renewal fails.
 * - `starting`: no session yet, and no failed call.
 * - `no_session`: requests get 503.
 */
export type RoleCondition = 'fresh' | 'renewal_failing' | 'starting' | 'no_session';

/** `degraded` is ready too: every required role is served, but something needs attention. */
export type Readiness = 'ready' | 'degraded' | 'not_ready';

export function roleCondition({ keeper, current }: Pick<RoleSnapshot, 'keeper' | 'current'>): RoleCondition {
  if (current) return keeper.trouble ? 'renewal_failing' : 'fresh';
  return keeper.trouble || keeper.session ? 'no_session' : 'starting';
}

export function isRequired({ role }: RoleSnapshot): boolean {
  return role.required !== false;
}

/** When the next call is due, in milliseconds since the epoch. In the past while a call is running. */
export function nextCallAt({ keeper }: Pick<RoleSnapshot, 'keeper'>): number {
  return keeper.trouble?.retryAt ?? keeper.renewAt;
}

/** Not for liveness: a daemon that waits for its first session must not be restarted for it. */
export function readinessOf({ roles, identity, configurationFault, endpointFault }: DaemonSnapshot): Readiness {
  if (roles.some((role) => isRequired(role) && !role.current)) return 'not_ready';
  const faults = [
    ...[identity.refusal, identity.fault, identity.renewal?.trouble],
    ...[configurationFault, endpointFault],
  ].filter((fault) => fault !== undefined);
  const isCalm = faults.length === 0 && roles.every((role) => roleCondition(role) === 'fresh');
  return isCalm ? 'ready' : 'degraded';
}
