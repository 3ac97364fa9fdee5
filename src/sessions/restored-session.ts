import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { KeeperState } from './refresh-policy.ts';

const MINUTE = 60_000;
const LONGEST_SPREAD = 30 * MINUTE;
/** Below this, botocore fetches again with every call. */
const COMFORTABLE = 25 * MINUTE;

/**
 * A session from before a restart is served at once and renewed soon: certificate, role or duration
 * may have changed, and the log should show whether the service still grants sessions. Renewal
 * falls within half an hour, because hosts that start together must not call together. With less
 * than 25 minutes left, it falls within a quarter of the rest. The position in that span is the
 * same at every start, so that a daemon in a restart loop makes hardly any calls.
 *
 * @param phase - in [0, 1), of this host.
 * @param now - milliseconds since the epoch.
 */
export function afterRestart(session: RoleSession, phase: number, now: number): KeeperState {
  const left = session.expiration - now;
  const spread = left > COMFORTABLE ? Math.min(left - COMFORTABLE, LONGEST_SPREAD) : left / 4;
  return { session, renewAt: now + phase * spread, trouble: undefined };
}
