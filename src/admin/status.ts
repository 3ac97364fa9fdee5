import { isoSeconds } from '../foundation/clock.ts';
import { version } from '../foundation/version.ts';
import type { Trouble } from '../sessions/refresh-policy.ts';
import { type FailureStatus, failureStatus, type IdentityStatus, identityStatus } from './identity-status.ts';
import { isRequired, nextCallAt, type Readiness, readinessOf, type RoleCondition, roleCondition } from './readiness.ts';
import type { DaemonSnapshot, EndpointSnapshot, RoleSnapshot } from './snapshot.ts';
import { statusLine } from './status-line.ts';

/** The answer of /status, without secrets. Times are ISO 8601 in UTC with whole seconds. */
export interface Status {
  /**
   * Version of this schema. Within one version, fields may be added, but none is removed or changes
   * its meaning.
   */
  readonly schema: 1;
  readonly version: string;
  readonly time: string;
  readonly startedAt: string;
  readonly readiness: Readiness;
  /** For people, on one line. */
  readonly summary: string;
  /** Why the configuration on disk is not in use. */
  readonly configurationFault: FailureStatus | null;
  readonly identity: IdentityStatus;
  readonly roles: readonly RoleStatus[];
}

export interface RoleStatus {
  readonly name: string;
  readonly roleArn: string;
  readonly required: boolean;
  readonly condition: RoleCondition;
  readonly session: SessionStatus | null;
  /** When the next call is due. */
  readonly nextCall: string;
  readonly failure: CallFailureStatus | null;
  readonly endpoints: readonly EndpointSnapshot[];
}

interface SessionStatus {
  readonly accessKeyId: string;
  readonly assumedRoleArn: string;
  readonly sourceIdentity: string | null;
  readonly grantedAt: string;
  readonly expiration: string;
}

interface CallFailureStatus extends FailureStatus {
  readonly requestId: string | null;
  /** Consecutive calls without a session: the first and the last one. */
  readonly attempts: number;
  readonly since: string;
  readonly last: string;
}

export function statusOf(snapshot: DaemonSnapshot): Status {
  const { now } = snapshot;
  return {
    schema: 1,
    version,
    time: isoSeconds(now),
    startedAt: isoSeconds(snapshot.startedAt),
    readiness: readinessOf(snapshot),
    summary: statusLine(snapshot),
    configurationFault: snapshot.configurationFault ? failureStatus(snapshot.configurationFault) : null,
    identity: identityStatus(snapshot.identity, now),
    roles: snapshot.roles.map((role) => roleStatus(role, now)),
  };
}

function roleStatus(snapshot: RoleSnapshot, now: number): RoleStatus {
  const { role, keeper, current, endpoints } = snapshot;
  return {
    name: role.name,
    roleArn: role.roleArn,
    required: isRequired(snapshot),
    condition: roleCondition(snapshot),
    session: current
      ? {
          accessKeyId: current.accessKeyId,
          assumedRoleArn: current.assumedRoleArn,
          sourceIdentity: current.sourceIdentity ?? null,
          grantedAt: isoSeconds(current.receivedAt),
          expiration: isoSeconds(current.expiration),
        }
      : null,
    nextCall: isoSeconds(Math.max(now, nextCallAt(snapshot))),
    failure: keeper.trouble ? callFailure(keeper.trouble) : null,
    endpoints,
  };
}

function callFailure({ failure, calls, since, failedAt }: Trouble): CallFailureStatus {
  const requestId = failure.requestId ?? null;
  return {
    ...failureStatus(failure),
    requestId,
    attempts: calls,
    since: isoSeconds(since),
    last: isoSeconds(failedAt),
  };
}
