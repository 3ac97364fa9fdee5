import { isoSeconds } from '../foundation/clock.ts';
import { version } from '../foundation/version.ts';
import type { OperationName } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import type { KeeperState, Trouble } from '../sessions/refresh-policy.ts';
import { ExchangeHistory } from './exchange-history.ts';
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
  /** Why an endpoint may reject valid clients. */
  readonly endpointFault: FailureStatus | null;
  readonly identity: IdentityStatus;
  readonly roles: readonly RoleStatus[];
}

export interface RoleStatus {
  readonly name: string;
  readonly roleArn: string;
  readonly required: boolean;
  readonly condition: RoleCondition;
  readonly session: SessionStatus | null;
  /** The role that this one is assumed with, null for others. Its session is not served. */
  readonly firstHop: FirstHopStatus | null;
  /** When the next call is due. */
  readonly nextCall: string;
  readonly failure: CallFailureStatus | null;
  readonly endpoints: readonly EndpointSnapshot[];
  /** Calls of the last day by half hour, oldest first, without half hours that had none. */
  readonly calls: readonly CallsStatus[];
}

export interface CallsStatus {
  /** When the half hour began. */
  readonly from: string;
  readonly granted: number;
  readonly failed: number;
  /** Of the last failure in it. */
  readonly code: string | null;
}

interface SessionStatus {
  readonly accessKeyId: string;
  readonly assumedRoleArn: string;
  readonly sourceIdentity: string | null;
  readonly grantedAt: string;
  readonly expiration: string;
}

interface FirstHopStatus {
  readonly roleArn: string;
  readonly session: SessionStatus | null;
  readonly failure: CallFailureStatus | null;
}

interface CallFailureStatus extends FailureStatus {
  /** `CreateSession`, or `AssumeRole` for the second hop; null: no call was made. */
  readonly operation: OperationName | null;
  readonly requestId: string | null;
  /** Consecutive calls without a session: the first and the last one. */
  readonly attempts: number;
  readonly since: string;
  readonly last: string;
}

/** @param history - the calls of the last day. */
export function statusOf(
  snapshot: DaemonSnapshot,
  history: Pick<ExchangeHistory, 'of'> = new ExchangeHistory(),
): Status {
  const { now } = snapshot;
  return {
    schema: 1,
    version,
    time: isoSeconds(now),
    startedAt: isoSeconds(snapshot.startedAt),
    readiness: readinessOf(snapshot),
    summary: statusLine(snapshot),
    configurationFault: snapshot.configurationFault ? failureStatus(snapshot.configurationFault) : null,
    endpointFault: snapshot.endpointFault ? failureStatus(snapshot.endpointFault) : null,
    identity: identityStatus(snapshot.identity, now),
    roles: snapshot.roles.map((role) => roleStatus(role, now, history)),
  };
}

function roleStatus(snapshot: RoleSnapshot, now: number, history: Pick<ExchangeHistory, 'of'>): RoleStatus {
  const { role, keeper, current, firstHop, endpoints } = snapshot;
  return {
    name: role.name,
    roleArn: servedRoleArn(role),
    required: isRequired(snapshot),
    condition: roleCondition(snapshot),
    session: current ? sessionStatus(current) : null,
    firstHop: firstHop ? firstHopStatus(role.roleArn, firstHop, now) : null,
    nextCall: isoSeconds(Math.max(now, nextCallAt(snapshot))),
    failure: keeper.trouble ? callFailure(keeper.trouble) : null,
    endpoints,
    calls: history.of(role.name, now).map(({ from, code, ...counts }) => ({
      from: isoSeconds(from),
      ...counts,
      code: code ?? null,
    })),
  };
}

function sessionStatus(session: RoleSession): SessionStatus {
  return {
    accessKeyId: session.accessKeyId,
    assumedRoleArn: session.assumedRoleArn,
    sourceIdentity: session.sourceIdentity ?? null,
    grantedAt: isoSeconds(session.receivedAt),
    expiration: isoSeconds(session.expiration),
  };
}

function firstHopStatus(roleArn: string, { session, trouble }: KeeperState, now: number): FirstHopStatus {
  return {
    roleArn,
    session: session && session.expiration > now ? sessionStatus(session) : null,
    failure: trouble ? callFailure(trouble) : null,
  };
}

function callFailure({ failure, calls, since, failedAt }: Trouble): CallFailureStatus {
  const requestId = failure.requestId ?? null;
  return {
    ...failureStatus(failure),
    operation: failure.operation ?? null,
    requestId,
    attempts: calls,
    since: isoSeconds(since),
    last: isoSeconds(failedAt),
  };
}
