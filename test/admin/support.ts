import type { DaemonSnapshot, RoleSnapshot } from '../../src/admin/snapshot.ts';
import { afterFailure, afterGrant, initialState, type KeeperState } from '../../src/sessions/refresh-policy.ts';
import { failure, grantedSession, HOUR, someIdentity } from '../sessions/support.ts';

export const NOON = Date.parse('2026-11-22T12:00:00Z');

export const granted: KeeperState = afterGrant(grantedSession(NOON), 0, false);

/** A call that failed at `now`. */
export function troubled(state: KeeperState, now: number, code = 'RA_UNREACHABLE'): KeeperState {
  return afterFailure(state, failure('slow', code), () => 0, now);
}

export const refused: KeeperState = troubled(initialState, NOON);

/** A role as it is an hour after NOON at the latest. */
export function roleSnapshot(name: string, keeper: KeeperState, required?: boolean): RoleSnapshot {
  const role = { name, roleArn: `arn:aws:iam::123456789012:role/${name}`, ...(required !== undefined && { required }) };
  return { role, keeper, current: keeper.session, endpoints: [{ kind: 'imds', url: 'http://127.0.0.1:9911' }] };
}

export const certificate = { ...someIdentity, notAfter: NOON + 36 * HOUR };

export function snapshot(
  roles: readonly RoleSnapshot[],
  identity: Partial<DaemonSnapshot['identity']> = {},
): DaemonSnapshot {
  return {
    now: NOON,
    startedAt: NOON - HOUR,
    configurationFault: undefined,
    identity: {
      used: certificate,
      candidate: undefined,
      refusal: undefined,
      fault: undefined,
      signatures: { made: undefined, failed: undefined },
      ...identity,
    },
    roles,
  };
}
