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
import { sessionError } from './session-errors.ts';

/**
 * Exchanges the identity for a session of this role. Rejects with an ExchangeFailure or a
 * CodedError.
 */
export type CreateSession<Identity = SigningIdentity> = (
  identity: Identity,
  signal: AbortSignal,
) => Promise<RoleSession>;
/** The current proven identity. Rejects with a CodedError if there is none. */
export type CurrentIdentity<Identity = SigningIdentity> = (signal: AbortSignal) => Promise<Identity>;

/** @typeParam Identity - what the sessions are requested with. */
export interface KeeperParts<Identity = SigningIdentity> {
  readonly createSession: CreateSession<Identity>;
  readonly identity: CurrentIdentity<Identity>;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * In [0, 1): position of this host's first renewal in the spread of a fleet. The same at every
   * start.
   */
  readonly phase: number;
  readonly log: Log;
  /** Called when the next exchange is wanted at once, because identity or configuration has changed. */
  readonly hurried?: () => void;
  /** The session from before a restart. Asked before each exchange until there is a session. */
  readonly restored?: (signal: AbortSignal) => Promise<RoleSession | undefined>;
}

/**
 * The longest sleep. After a suspend or a clock step, the loop looks at the wall clock within
 * seconds, so neither needs a special case. All keepers look at the same moments, so that many of
 * them do not wake the host more often than one.
 */
const TICK_MS = 10_000;

/** One hour, minus the time of a round trip to the service. */
const COMFORTABLE_SECONDS = 3_540;

/**
 * Keeps the session of one role fresh. Only this loop makes calls, so at most one CreateSession is
 * in flight. Readers get the last good session from memory until it expires, whatever fails
 * upstream.
 */
export class SessionKeeper<Identity = SigningIdentity> {
  readonly #parts: KeeperParts<Identity>;
  #state: KeeperState = initialState;
  readonly #logged = new LoggedFailures();
  #hadSession = false;
  /** Time of the last grant on both clocks. */
  #grantedAt: { readonly wall: number; readonly monotonic: number } | undefined;
  #wake: () => void = () => undefined;
  readonly #firstSession = new AbortController();

  constructor(parts: KeeperParts<Identity>) {
    this.#parts = parts;
  }

  get state(): KeeperState {
    return this.#state;
  }

  /** The current session, unless it has expired. */
  current(): RoleSession | undefined {
    const { session } = this.#state;
    return session && session.expiration > this.#now() ? session : undefined;
  }

  /**
   * Resolves with the first session, after `ms` at the latest. Resolves at once if there has been a
   * session or a failed attempt.
   */
  async waitForFirst(ms: number): Promise<void> {
    if (!this.#hadSession && !this.#state.trouble) await this.#parts.clock.sleep(ms, this.#firstSession.signal);
  }

  /**
   * Wall time, but at least the last grant plus the monotonic time since then: setting the clock
   * back must not extend a session. Setting it forward shortens the session, as it does for
   * clients, which use the same clock.
   */
  #now(): number {
    const { clock } = this.#parts;
    const granted = this.#grantedAt;
    return Math.max(clock.now(), granted ? granted.wall + clock.monotonic() - granted.monotonic : 0);
  }

  /** Asks again now, because identity or configuration has changed. */
  retryNow(): void {
    this.#parts.hurried?.();
    this.#state = afterChange(this.#state, this.#now());
    this.#wake();
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const decision = decide(this.#state, this.#now());
      if (decision.do === 'exchange') await this.#exchange(signal);
      else if (decision.do === 'wait') await this.#sleepUntil(decision.until, signal);
      else this.#drop();
    }
  }

  #drop(): void {
    this.#state = afterExpiry(this.#state);
    const { trouble } = this.#state;
    const expired = sessionError(
      'SESSION_EXPIRED',
      'the role session has expired; requests get 503 until there is a new one',
    );
    const because = trouble && { because: trouble.failure.code };
    this.#parts.log('error', 'no credentials to serve', {
      ...this.#troubleFields(),
      ...failureFields(expired),
      ...because,
    });
  }

  async #sleepUntil(until: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const waker = new AbortController();
    const wake = (): void => {
      waker.abort();
    };
    this.#wake = wake;
    // Not AbortSignal.any: on Node 20 every combined signal stays referenced by its long-lived source.
    signal.addEventListener('abort', wake, { once: true });
    const tick = TICK_MS - (clock.monotonic() % TICK_MS);
    await clock.sleep(Math.min(until - this.#now(), tick), waker.signal);
    signal.removeEventListener('abort', wake);
  }

  async #exchange(signal: AbortSignal): Promise<void> {
    const { createSession, identity, restored } = this.#parts;
    try {
      if (restored && !this.#hadSession && this.#resume(await restored(signal))) return;
      this.#granted(await createSession(await identity(signal), signal));
    } catch (error) {
      if (!signal.aborted) this.#failed(asExchangeFailure(error));
    }
  }

  /** @returns whether there is a session to serve now. */
  #resume(session: RoleSession | undefined): boolean {
    if (!session || session.expiration <= this.#now()) return false;
    this.#hold(session, afterRestart(session, this.#parts.phase, this.#now()), 'role session restored');
    return true;
  }

  #granted(session: RoleSession): void {
    const { random, phase } = this.#parts;
    // The session expired during the call, and clients got 503. Log that.
    if (decide(this.#state, this.#now()).do === 'drop') this.#drop();
    const isFirst = !this.#hadSession;
    this.#hold(session, afterGrant(session, isFirst ? phase : random(), isFirst), 'role session granted');
    if (isFirst) this.#warnOfShortLife(session);
  }

  #hold(session: RoleSession, state: KeeperState, message: string): void {
    const { clock, log } = this.#parts;
    this.#state = state;
    this.#logged.clear();
    this.#hadSession = true;
    // A session from before a restart belongs to a monotonic clock that no longer exists.
    this.#grantedAt = { wall: Math.max(session.receivedAt, clock.now()), monotonic: clock.monotonic() };
    this.#firstSession.abort();
    log('info', message, {
      accessKeyId: session.accessKeyId,
      assumedRoleArn: session.assumedRoleArn,
      expiration: isoSeconds(session.expiration),
      renewAt: isoSeconds(state.renewAt),
      requestId: session.requestId,
    });
  }

  #warnOfShortLife({ expiration, receivedAt }: RoleSession): void {
    const seconds = Math.round((expiration - receivedAt) / 1000);
    if (seconds >= COMFORTABLE_SECONDS) return;
    this.#parts.log(
      'warn',
      'short sessions',
      failureFields(sessionError('SESSION_SHORT', `sessions last ${seconds} s`)),
    );
  }

  #failed(failure: ExchangeFailure): void {
    const { random, log } = this.#parts;
    const isNews = this.#logged.isNews(failure.code, this.#now());
    this.#state = afterFailure(this.#state, failure, random, this.#now());
    // Log once per change of state, so that an outage of a day does not repeat the same line.
    const level = isNews ? (this.current() ? 'warn' : 'error') : 'debug';
    log(level, 'could not get a role session; retrying', this.#troubleFields());
  }

  #troubleFields(): Record<string, unknown> {
    const { session, trouble } = this.#state;
    return {
      ...(trouble && {
        ...failureFields(trouble.failure),
        operation: trouble.failure.operation,
        requestId: trouble.failure.requestId,
        attempts: trouble.calls,
        retryAt: isoSeconds(trouble.retryAt),
      }),
      ...(session && { heldUntil: isoSeconds(session.expiration) }),
    };
  }
}

/** Looking at local files again soon is cheap. */
function asExchangeFailure(error: unknown): ExchangeFailure {
  return error instanceof ExchangeFailure ? error : new ExchangeFailure(asCodedError(error), { retry: 'soon' });
}
