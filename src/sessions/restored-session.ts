import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { KeeperState, Random } from './refresh-policy.ts';

const LONGEST_SPREAD_MS = 15 * 60_000;

/**
 * A session from before a restart is served at once and renewed soon: certificate, role or duration may be others by now, and the
 * log should say whether the service still grants. Within a quarter of what is left, a quarter of an hour at most, so that hosts
 * that start together do not ask together, and a daemon that starts again and again hardly asks at all.
 *
 * @param now - milliseconds since the epoch.
 */
export function afterRestart(session: RoleSession, random: Random, now: number): KeeperState {
  const spread = Math.min((session.expiration - now) / 4, LONGEST_SPREAD_MS);
  return { session, renewAt: now + random() * spread, trouble: undefined };
}
