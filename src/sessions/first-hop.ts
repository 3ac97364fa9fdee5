import { type Clock, isoSeconds } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { LoggedFailures } from '../foundation/say-once.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import {
  afterChange,
  afterExpiry,
  afterFailure,
  afterGrant,
  afterRestart,
  decide,
  initialState,
  type KeeperState,
  type Random,
} from './refresh-policy.ts';
import type { CreateSession } from './session-keeper.ts';

export interface FirstHopParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** In [0, 1): position of this host's first renewal in the spread of a fleet. */
  readonly phase: number;
  readonly log: Log;
  /** Ends with the daemon: a role that leaves must not end the call that other roles wait for. */
  readonly signal: AbortSignal;
  /** The session from before a restart. Asked once. */
  readonly restored?: (() => Promise<RoleSession | undefined>) | undefined;
}

/**
 * The session of a first role, shared by all roles that are assumed with it. It is never served.
 * The refresh policy decides about its renewal, but only when a role needs it for its next call.
 * While it is valid, a failed renewal stops no role.
 */
export class FirstHop {
  readonly #parts: FirstHopParts;
  readonly #logged = new LoggedFailures();
  #state: KeeperState = initialState;
  #hadSession = false;
  #restored: FirstHopParts['restored'];
  #inFlight: Promise<RoleSession> | undefined;

  constructor(parts: FirstHopParts) {
    this.#parts = parts;
    this.#restored = parts.restored;
  }

  get state(): KeeperState {
    return this.#state;
  }

  /**
   * The session for a call of AssumeRole. Callers at the same time share one CreateSession call.
   *
   * @param createSession - of the role that asks.
   * @throws ExchangeFailure if there is none, and while the policy forbids another call.
   */
  async session(createSession: CreateSession, identity: SigningIdentity): Promise<RoleSession> {
    this.#inFlight ??= this.#current(createSession, identity).finally(() => (this.#inFlight = undefined));
    return this.#inFlight;
  }

  /**
   * The session is not used again: STS does not accept it. One that was just granted is kept,
   * because another one would be refused too.
   */
  discard(session: RoleSession): void {
    const now = this.#parts.clock.now();
    if (this.#state.session !== session || isNew(session, now)) return;
    this.#state = afterExpiry(afterChange(this.#state, now));
  }

  /**
   * The next need asks again, because identity or configuration has changed. A session that was just
   * granted is kept: another role with the same reason has asked for it.
   */
  renew(): void {
    const now = this.#parts.clock.now();
    const { session, trouble } = this.#state;
    if (trouble || (session && !isNew(session, now))) this.#state = afterChange(this.#state, now);
  }

  async #current(createSession: CreateSession, identity: SigningIdentity): Promise<RoleSession> {
    await this.#restore();
    const now = this.#parts.clock.now();
    if (decide(this.#state, now).do === 'drop') this.#state = afterExpiry(this.#state);
    const decision = decide(this.#state, now);
    if (decision.do === 'wait') return this.#held();
    try {
      this.#granted(await createSession(identity, this.#parts.signal));
    } catch (error) {
      if (this.#parts.signal.aborted) throw error;
      this.#failed(asExchangeFailure(error));
    }
    return this.#held();
  }

  /** What there is without another call. A role that gets none waits as long as the policy says. */
  #held(): RoleSession {
    const { session, trouble } = this.#state;
    if (session) return session;
    if (!trouble) throw new Error('neither a session nor a failure');
    const { failure, retryAt } = trouble;
    const retryAfterMs = Math.max(0, retryAt - this.#parts.clock.now());
    throw failure.with({ retryAfterMs });
  }

  async #restore(): Promise<void> {
    const restored = this.#restored;
    this.#restored = undefined;
    // A key that cannot be read opens nothing, and a call is due.
    const session = await restored?.().catch(() => undefined);
    const { clock, phase } = this.#parts;
    if (!session || session.expiration <= clock.now()) return;
    this.#hadSession = true;
    this.#state = afterRestart(session, phase, clock.now());
    this.#say('session of the first role restored', session);
  }

  #granted(session: RoleSession): void {
    const { random, phase } = this.#parts;
    const isFirst = !this.#hadSession;
    this.#hadSession = true;
    this.#state = afterGrant(session, isFirst ? phase : random(), isFirst);
    this.#logged.clear();
    this.#say('session of the first role granted', session);
  }

  #say(message: string, { assumedRoleArn, accessKeyId, expiration, requestId }: RoleSession): void {
    const { renewAt } = this.#state;
    const times = { expiration: isoSeconds(expiration), renewAt: isoSeconds(renewAt) };
    this.#parts.log('info', message, { accessKeyId, assumedRoleArn, ...times, requestId });
  }

  #failed(failure: ExchangeFailure): void {
    const { clock, random, log } = this.#parts;
    const isNews = this.#logged.isNews(failure.code, clock.now());
    this.#state = afterFailure(this.#state, failure, random, clock.now());
    const { session } = this.#state;
    // Without a session to go on with, the role that asked reports the failure.
    if (!session) return;
    log(isNews ? 'warn' : 'debug', 'could not renew the session of the first role; using the current one', {
      ...failureFields(failure),
      requestId: failure.requestId,
      heldUntil: isoSeconds(session.expiration),
    });
  }
}

/** Younger sessions are not replaced, so that a lasting refusal does not cost a call each time. */
const SHORTEST_USE_MS = 60_000;

function isNew({ receivedAt }: RoleSession, now: number): boolean {
  return Math.abs(now - receivedAt) < SHORTEST_USE_MS;
}

function asExchangeFailure(error: unknown): ExchangeFailure {
  return error instanceof ExchangeFailure ? error : new ExchangeFailure(asCodedError(error), { retry: 'soon' });
}
