import { type Clock, isoSeconds } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { identityError } from '../identity/identity-errors.ts';
import { serialHex } from '../identity/serial-number.ts';
import { identityFields, type LoadedIdentity, type SigningIdentity } from '../identity/signing-identity.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import {
  adopted,
  afterComparison,
  afterExpiry,
  afterFailedTrial,
  afterGrantTo,
  afterOffer,
  type IdentityChange,
  initialRollover,
  nextTurn,
  previousOf,
  type Rollover,
  type Transition,
  usable,
  whileComparing,
  withoutPrevious,
} from './rollover.ts';
import type { CreateSession } from './session-keeper.ts';

export interface IdentityRolloverParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** More warnings about an identity. */
  readonly warningsOf?: (identity: SigningIdentity) => readonly CodedError[];
}

/** Why the candidate has no session, and when its next trial is due (milliseconds since the epoch). */
export interface Refusal {
  readonly failure: ExchangeFailure;
  readonly restsUntil: number;
}

/** Holds the state of `rollover.ts`, makes the calls that it asks for, and logs the results. */
export class IdentityRollover {
  readonly #parts: IdentityRolloverParts;
  readonly #said = new SayOnce();
  /** Codes of the warnings about the last identity. */
  #warned: ReadonlySet<string> = new Set();
  #state: Rollover = initialRollover;
  #changed: (change: IdentityChange) => void = () => undefined;

  constructor(parts: IdentityRolloverParts) {
    this.#parts = parts;
  }

  /** Registers a listener, called after every change. */
  onChange(listener: (change: IdentityChange) => void): void {
    this.#changed = listener;
  }

  /** The identity for the next exchange; undefined if there is none or it has expired. */
  current(): SigningIdentity | undefined {
    const now = this.#parts.clock.now();
    const transition = afterExpiry(this.#state, now);
    if (transition.changes.length > 0) this.#parts.log('info', 'the certificate in use has expired; using the new one');
    this.#take(transition);
    return usable(this.#state, now);
  }

  /** The identity in use, expired or not. */
  get used(): SigningIdentity | undefined {
    return this.#state.used;
  }

  /** A newer identity without a successful exchange so far. */
  get candidate(): SigningIdentity | undefined {
    return this.#state.candidate?.identity;
  }

  /** Undefined before the candidate's first trial. */
  get refusal(): Refusal | undefined {
    const { failure, restsUntil = 0 } = this.#state.candidate ?? {};
    return failure && { failure, restsUntil };
  }

  /** Takes the identity that is on disk now. */
  offer({ identity, warnings }: LoadedIdentity): void {
    const { log, clock, warningsOf } = this.#parts;
    this.#warn([...warnings, ...(warningsOf?.(identity) ?? [])]);
    const used = this.current();
    const transition = afterOffer(this.#state, identity, clock.now());
    if (transition.state === this.#state) return;
    log('info', 'signing identity loaded', identityFields(identity));
    if (used && transition.state.candidate) this.#warnOfSubject(used, identity);
    this.#take(transition);
  }

  /** Logs each kind once, because most last for weeks. */
  #warn(warnings: readonly CodedError[]): void {
    const byCode = new Map(warnings.toReversed().map((warning) => [warning.code, warning]));
    for (const [code, warning] of [...byCode].reverse())
      if (!this.#warned.has(code)) this.#parts.log('warn', 'signing identity', failureFields(warning));
    this.#warned = new Set(byCode.keys());
  }

  /**
   * Chooses the identity for each exchange of one role. The next role that asks tries the candidate
   * with one call, while other roles keep the one in use. If the candidate is refused, the same
   * turn falls back to the one in use, and if that is refused too, to the one that the role was
   * last granted a session with.
   *
   * @param call - one CreateSession call with the given identity.
   */
  within(call: CreateSession, role: string): CreateSession {
    const noted: CreateSession = async (identity, signal) => {
      const session = await call(identity, signal);
      this.#state = afterGrantTo(this.#state, role, identity);
      return session;
    };
    return async (used, signal) => {
      try {
        return await this.#exchange(noted, used, signal, role);
      } catch (error) {
        const previous = previousOf(this.#state, role, used, this.#parts.clock.now());
        if (!isRefusal(error) || signal.aborted || !previous) throw error;
        return this.#withPrevious({ previous, used, refusal: error, role }, noted, signal);
      }
    };
  }

  async #exchange(call: CreateSession, used: SigningIdentity, signal: AbortSignal, role: string): Promise<RoleSession> {
    const { candidate } = this;
    const turn = nextTurn(this.#state, this.#parts.clock.now());
    if (!candidate || turn === 'use') return call(used, signal);
    const granted = turn === 'try' ? await this.#try(candidate, call, signal) : undefined;
    if (granted) return granted;
    this.#state = whileComparing(this.#state, candidate);
    const session = await call(used, signal);
    this.#rest(candidate, used, role);
    return session;
  }

  /** @returns undefined if it was refused; rejects if the outcome is unknown. */
  async #try(candidate: SigningIdentity, call: CreateSession, signal: AbortSignal): Promise<RoleSession | undefined> {
    this.#state = { ...this.#state, isTrying: true };
    try {
      const session = await call(candidate, signal);
      this.#logGranted(candidate, session);
      this.#take(adopted(this.#state, candidate));
      return session;
    } catch (error) {
      if (!(error instanceof ExchangeFailure) || signal.aborted) throw error;
      this.#state = afterFailedTrial(this.#state, candidate, error);
      if (error.retry !== 'slow') throw error;
      return undefined;
    } finally {
      this.#state = { ...this.#state, isTrying: false };
    }
  }

  #rest(candidate: SigningIdentity, used: SigningIdentity, role: string): void {
    this.#state = afterComparison(this.#state, candidate, this.#parts.clock.now());
    const { refusal } = this;
    if (this.candidate !== candidate || !refusal) return;
    this.#logRefusal('new certificate refused; keeping the current one', {
      ...{ refused: candidate, kept: used, role, failure: refusal.failure, about: 'candidate' },
      nextTrialAfter: isoSeconds(refusal.restsUntil),
    });
  }

  async #withPrevious(
    { previous, used, refusal, role }: PreviousTurn,
    call: CreateSession,
    signal: AbortSignal,
  ): Promise<RoleSession> {
    const session = await call(previous, signal).catch((error: unknown) => {
      if (isRefusal(error)) this.#state = withoutPrevious(this.#state, role);
      throw refusal;
    });
    const message = 'new certificate refused for this role; keeping the previous certificate';
    this.#logRefusal(message, { refused: used, kept: previous, role, failure: refusal, about: `role ${role}` });
    return session;
  }

  #take({ state, changes }: Transition): void {
    this.#state = state;
    changes.forEach(this.#changed);
  }

  /**
   * Without roleSessionName, the session name is the serial number, so the ARN changes with the
   * certificate.
   */
  #logGranted({ subject, serial }: SigningIdentity, { assumedRoleArn, sourceIdentity }: RoleSession): void {
    this.#parts.log('info', 'new certificate in use', {
      subject,
      serial: serialHex(serial),
      assumedRoleArn,
      sourceIdentity,
    });
  }

  #logRefusal(message: string, { refused, kept, role, failure, about, ...more }: RefusalLine): void {
    const isNews = this.#said.isNews(about, `${refused.fingerprint} ${failure.code}`);
    this.#parts.log(isNews ? 'warn' : 'debug', message, {
      ...failureFields(failure),
      requestId: failure.requestId,
      role,
      newSerial: serialHex(refused.serial),
      oldSerial: serialHex(kept.serial),
      oldNotAfter: isoSeconds(kept.notAfter),
      ...more,
    });
  }

  #warnOfSubject(used: SigningIdentity, next: SigningIdentity): void {
    if (used.subject === next.subject) return;
    const what = `the subject of the certificate changes from ${used.subject} to ${next.subject}, and with it session tags, source identity and the subject that IAM Roles Anywhere lists`;
    this.#parts.log('warn', 'signing identity', failureFields(identityError('CERTIFICATE_SUBJECT_CHANGED', what)));
  }
}

interface PreviousTurn {
  readonly previous: SigningIdentity;
  readonly used: SigningIdentity;
  readonly refusal: ExchangeFailure;
  readonly role: string;
}

interface RefusalLine {
  readonly refused: SigningIdentity;
  readonly kept: SigningIdentity;
  readonly role: string;
  readonly failure: ExchangeFailure;
  /** The subject of the warning, which is logged once for each. */
  readonly about: string;
  readonly nextTrialAfter?: string;
}

function isRefusal(error: unknown): error is ExchangeFailure {
  return error instanceof ExchangeFailure && error.retry === 'slow';
}
