import { isoSeconds, type Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { CreateSession } from './session-keeper.ts';

/** The identities there are; the trial says which of them to go on with. */
export interface Candidacy {
  readonly candidate: SigningIdentity | undefined;
  /** The service has taken it: use it from now on. */
  adopt(candidate: SigningIdentity): void;
}

export interface TrialParts {
  readonly held: Candidacy;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** Refused, while the old one is not: IAM has to change first, or the files. */
const REST_MS = 15 * 60_000;

/** So many troubled calls may be the network's; then the old identity has a turn, which shows whose they are. */
const TROUBLES_BEFORE_COMPARISON = 3;

/** How it went with a candidate so far. */
interface Record {
  readonly candidate: SigningIdentity;
  /** Why it has no session yet. */
  readonly failure: ExchangeFailure | undefined;
  /** Calls since the last turn of the old identity that neither succeeded nor were refused. */
  readonly troubles: number;
  readonly restsUntil: number;
  /** The code of the failure that the log has. */
  readonly said: string | undefined;
}

/**
 * Tries a new identity with one call, of whichever role asks next, while the others go on with the old one. Granted, it is the one
 * to use; refused, the same turn falls back on the old. Trouble on the way says nothing about it: the keeper tries again by its policy.
 */
export class IdentityTrial {
  readonly #parts: TrialParts;
  #record: Record | undefined;
  #isTrying = false;

  constructor(parts: TrialParts) {
    this.#parts = parts;
  }

  /** Why the candidate there is now was refused, and until when it rests (milliseconds since the epoch); undefined before its trial. */
  get refusal(): { readonly failure: ExchangeFailure; readonly restsUntil: number } | undefined {
    const { candidate, failure, restsUntil } = this.#record ?? {};
    return failure && candidate === this.#parts.held.candidate ? { failure, restsUntil: restsUntil ?? 0 } : undefined;
  }

  /** @returns the exchange of one role, with the trial in it. */
  within(createSession: CreateSession, role: string): CreateSession {
    return async (old, signal) => {
      const record = this.#dueRecord();
      if (!record) return createSession(old, signal);
      const isCompared = record.troubles >= TROUBLES_BEFORE_COMPARISON;
      const granted = isCompared ? undefined : await this.#try(record, createSession, signal);
      return granted ?? this.#fallBack(createSession, old, signal, role);
    };
  }

  /** Of the candidate whose turn it is; undefined where there is none, it rests, or another role is trying it. */
  #dueRecord(): Record | undefined {
    const { held, clock } = this.#parts;
    const { candidate } = held;
    if (candidate !== this.#record?.candidate)
      this.#record = candidate && { candidate, failure: undefined, troubles: 0, restsUntil: 0, said: undefined };
    return this.#isTrying || clock.now() < (this.#record?.restsUntil ?? 0) ? undefined : this.#record;
  }

  /** @returns undefined when it was refused; rejects when that is not known. */
  async #try(record: Record, createSession: CreateSession, signal: AbortSignal): Promise<RoleSession | undefined> {
    this.#isTrying = true;
    try {
      const session = await createSession(record.candidate, signal);
      this.#parts.held.adopt(record.candidate);
      this.#sayGranted(record.candidate, session);
      return session;
    } catch (error) {
      if (!(error instanceof ExchangeFailure) || signal.aborted) throw error;
      this.#record = { ...record, failure: error, troubles: record.troubles + (error.retry === 'soon' ? 1 : 0) };
      if (error.retry !== 'slow') throw error;
      return undefined;
    } finally {
      this.#isTrying = false;
    }
  }

  /** Only when the old identity is granted what the new one was not, it is the new one that is to blame. */
  async #fallBack(
    createSession: CreateSession,
    old: SigningIdentity,
    signal: AbortSignal,
    role: string,
  ): Promise<RoleSession> {
    if (this.#record) this.#record = { ...this.#record, troubles: 0 };
    const session = await createSession(old, signal);
    if (this.#record) this.#rest(this.#record, old, role);
    return session;
  }

  #rest(record: Record, old: SigningIdentity, role: string): void {
    const { clock, log } = this.#parts;
    const { failure, candidate, said } = record;
    const restsUntil = clock.now() + REST_MS;
    this.#record = { ...record, restsUntil, said: failure?.code };
    log(said === failure?.code ? 'debug' : 'warn', 'the new signing identity gets no session; the old one stays', {
      ...failureFields(failure),
      requestId: failure?.requestId,
      role,
      newSerial: candidate.serial,
      oldSerial: old.serial,
      oldNotAfter: isoSeconds(old.notAfter),
      nextTrialAfter: isoSeconds(restsUntil),
    });
  }

  /** Where a role has no session name of its own, it is the serial number: the ARN changes with the certificate. */
  #sayGranted({ subject, serial }: SigningIdentity, { assumedRoleArn, sourceIdentity }: RoleSession): void {
    this.#parts.log('info', 'the new signing identity is in use', { subject, serial, assumedRoleArn, sourceIdentity });
  }
}
