import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Answered, AskingPod } from '../endpoints/answer.ts';
import type { EndpointRequest } from '../endpoints/request.ts';
import { type Clock, isoSeconds } from '../foundation/clock.ts';
import { SayRarely } from '../foundation/say-once.ts';
import { serialHex } from '../identity/serial-number.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { TOKEN_HEADER } from '../imds/metadata-token.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { Exchange } from '../sessions/observed-exchange.ts';
import { type AuditEvent, auditLine, type AuditValues } from './audit-schema.ts';
import { SeenClients } from './seen-clients.ts';

export interface AuditLogParts {
  /** Writes one complete line. Must not throw. */
  readonly write: (line: string) => void;
  /** The user at the other end of a connection, if known. */
  readonly callerOf: (connection: Socket | undefined) => AuditedUser | undefined;
  readonly clock: Pick<Clock, 'now'>;
}

export interface AuditedUser {
  readonly uid: number;
  readonly pid?: number;
  /** Its name, as set by the process. */
  readonly process?: string;
}

/** A denied request for a role. */
export interface AuditedDenial {
  readonly role: string;
  readonly endpoint: string;
  readonly caller: AuditedUser | undefined;
}

/**
 * Records who got which keys, and from where: one line for each call of CreateSession and AssumeRole, and for each
 * client that reads a session for the first time.
 */
export class AuditLog {
  readonly #parts: AuditLogParts;
  readonly #seen = new SeenClients();
  readonly #deniedPods = new SayRarely();
  /** The identity that a session was granted to. Sessions from before a restart are missing. */
  readonly #identities = new WeakMap<RoleSession, SigningIdentity>();

  constructor(parts: AuditLogParts) {
    this.#parts = parts;
  }

  readonly exchanged = (role: string, { operation, identity, durationMs: duration, outcome }: Exchange): void => {
    const durationMs = Math.round(duration);
    if (outcome.granted) {
      const { session } = outcome;
      this.#identities.set(session, identity);
      const requestId = session.requestId ?? null;
      this.#write('session.granted', {
        role,
        ...sessionFields(session),
        ...certificateFields(identity),
        requestId,
        durationMs,
        operation,
        ...firstHopFields(session),
      });
    } else {
      const { failure } = outcome;
      const requestId = (failure instanceof ExchangeFailure ? failure.requestId : undefined) ?? null;
      const why = { code: failure.code, error: failure.message };
      this.#write('session.refused', {
        role,
        ...certificateFields(identity),
        requestId,
        durationMs,
        ...why,
        operation,
      });
    }
  };

  readonly answered = (
    { role, endpoint }: { readonly role: string; readonly endpoint: string },
    { request, outcome: { session, pod, refusal } }: Answered,
  ): void => {
    if (pod && refusal) this.#podDenied({ role, endpoint }, pod);
    if (!session) return;
    const caller = this.#parts.callerOf(request.connection);
    const client = pod ? `pod:${pod.podUid}` : clientOf(request, caller);
    const sighting = this.#seen.see(session, endpoint, client);
    if (sighting === 'full') this.#write('credentials.unrecorded', { role, ...sessionFields(session), endpoint });
    if (sighting !== 'new') return;
    this.#write('credentials.read', {
      role,
      ...sessionFields(session),
      ...certificateFields(this.#identities.get(session)),
      requestId: session.requestId ?? null,
      endpoint,
      client,
      ...callerFields(caller, pod),
      ...firstHopFields(session),
    });
  };

  readonly denied = ({ role, endpoint, caller }: AuditedDenial): void => {
    this.#write('credentials.denied', { role, endpoint, ...callerFields(caller) });
  };

  #podDenied(at: { readonly role: string; readonly endpoint: string }, pod: AskingPod): void {
    if (this.#deniedPods.isDue(`${at.role} ${at.endpoint} ${pod.podUid}`, this.#parts.clock.now()))
      this.#write('credentials.denied', { ...at, ...callerFields(undefined, pod) });
  }

  #write<Event extends AuditEvent>(event: Event, values: AuditValues<Event>): void {
    this.#parts.write(auditLine(event, values, this.#parts.clock.now()));
  }
}

type SessionFields = Record<'assumedRoleArn' | 'accessKeyId' | 'sourceIdentity' | 'expiration', string | null>;

function sessionFields({ assumedRoleArn, accessKeyId, sourceIdentity, expiration }: RoleSession): SessionFields {
  return { assumedRoleArn, accessKeyId, sourceIdentity: sourceIdentity ?? null, expiration: isoSeconds(expiration) };
}

function certificateFields(
  identity: SigningIdentity | undefined,
): Record<'certificateSerial' | 'certificateSubject', string | null> {
  return {
    certificateSerial: identity ? serialHex(identity.serial) : null,
    certificateSubject: identity?.subject ?? null,
  };
}

function firstHopFields({
  firstHop,
}: RoleSession): Record<'firstHopArn' | 'firstHopAccessKeyId' | 'firstHopRequestId', string | null> {
  return {
    firstHopArn: firstHop?.assumedRoleArn ?? null,
    firstHopAccessKeyId: firstHop?.accessKeyId ?? null,
    firstHopRequestId: firstHop?.requestId ?? null,
  };
}

type CallerField = 'callerUid' | 'callerPid' | 'callerProcess' | 'namespace' | 'serviceAccount' | 'pod';

function callerFields(
  caller: AuditedUser | undefined,
  pod?: AskingPod,
): Readonly<Record<CallerField, string | number | null>> {
  return {
    callerUid: caller?.uid ?? null,
    callerPid: caller?.pid ?? null,
    callerProcess: caller?.process ?? null,
    namespace: pod?.namespace ?? null,
    serviceAccount: pod?.serviceAccount ?? null,
    pod: pod?.pod ?? null,
  };
}

/**
 * The user if known, otherwise the token, which identifies an IMDSv2 client. Only a digest, because
 * the token opens the endpoint.
 */
function clientOf({ headers }: EndpointRequest, caller: AuditedUser | undefined): string {
  if (caller) return `uid:${caller.uid}`;
  const token = headers.get(TOKEN_HEADER) ?? headers.get('authorization');
  if (!token) return 'unknown';
  return `token:${createHash('sha256').update(token.join()).digest('hex').slice(0, 16)}`;
}
