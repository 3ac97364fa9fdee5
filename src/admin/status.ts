import { isoSeconds } from '../foundation/clock.ts';
import { version } from '../foundation/version.ts';
import type { Trouble } from '../sessions/refresh-policy.ts';
import { failureStatus, type FailureStatus } from './failure-status.ts';
import { identityStatus, type IdentityStatus } from './identity-status.ts';
import { isRequired, nextCallAt, readinessOf, roleCondition, type Readiness, type RoleCondition } from './readiness.ts';
import type { DaemonSnapshot, EndpointSnapshot, RoleSnapshot } from './snapshot.ts';
import { statusLine } from './status-line.ts';

/** What /status answers; nothing in it is secret. Times are ISO 8601 in UTC with whole seconds. */
export interface Status {
  /** Of this form; a field may come with the same number, none goes or changes its meaning. */
  readonly schema: 1;
  readonly version: string;
  readonly time: string;
  readonly startedAt: string;
  readonly readiness: Readiness;
  /** For people, in one line. */
  readonly summary: string;
  /** Why the configuration on disk is not the one in use. */
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
  /** When the service is asked next. */
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
  /** Calls in a row that gave no session; since when, and the last one. */
  readonly attempts: number;
  readonly since: string;
  readonly last: string;
}

/** @param now - milliseconds since the epoch. */
export function statusOf(snapshot: DaemonSnapshot, now: number): Status {
  return {
    schema: 1,
    version,
    time: isoSeconds(now),
    startedAt: isoSeconds(snapshot.startedAt),
    readiness: readinessOf(snapshot),
    summary: statusLine(snapshot, now),
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
