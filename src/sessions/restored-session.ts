import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { KeeperState } from './refresh-policy.ts';

const MINUTE = 60_000;
const LONGEST_SPREAD = 30 * MINUTE;
/** botocore fetches again and again when there is less. */
const COMFORTABLE = 25 * MINUTE;

/**
 * A session from before a restart is served at once and renewed soon: certificate, role or duration may be others by now, and the
 * log should say whether the service still grants. Within half an hour, as hosts that start together must not ask together; while
 * 25 minutes are left, and where fewer are, within a quarter of them. At the same place of that span at every start, so that a
 * daemon that starts again and again hardly asks at all.
 *
 * @param phase - in [0, 1), of this host.
 * @param now - milliseconds since the epoch.
 */
export function afterRestart(session: RoleSession, phase: number, now: number): KeeperState {
  const left = session.expiration - now;
  const spread = left > COMFORTABLE ? Math.min(left - COMFORTABLE, LONGEST_SPREAD) : left / 4;
  return { session, renewAt: now + phase * spread, trouble: undefined };
}
