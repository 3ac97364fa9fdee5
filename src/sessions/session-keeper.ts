import type { Clock } from '../foundation/clock.ts';
import { isoSeconds } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { sessionError } from './session-errors.ts';
import {
  afterChange,
  afterExpiry,
  afterFailure,
  afterGrant,
  decide,
  initialState,
  type KeeperState,
  type Random,
} from './refresh-policy.ts';
import { afterRestart } from './restored-session.ts';
import { LoggedFailures } from './logged-failures.ts';

/** Exchanges the identity for a session of the keeper's role; rejects with an ExchangeFailure or a CodedError. */
export type CreateSession = (identity: SigningIdentity, signal: AbortSignal) => Promise<RoleSession>;
/** The proven identity of this moment; rejects with a CodedError while there is none. */
export type CurrentIdentity = (signal: AbortSignal) => Promise<SigningIdentity>;

export interface KeeperParts {
  readonly createSession: CreateSession;
  readonly identity: CurrentIdentity;
  readonly clock: Clock;
  readonly random: Random;
  /** In [0, 1): where in the spread of a fleet this host's first renewal after a start falls; the same at every start. */
  readonly phase: number;
  readonly log: Log;
  /** What was held before a restart; asked before each exchange until there is a session. */
  readonly restored?: (signal: AbortSignal) => Promise<RoleSession | undefined>;
}

/**
 * No sleep is longer than this: after a suspend or a step of the clock the loop looks at the wall clock again within seconds,
 * and needs no special case for either.
 */
const TICK_MS = 10_000;

/** An hour less what the way to the service and back may take. */
const COMFORTABLE_SECONDS = 3_540;

/**
 * Keeps one role's session fresh. One loop asks, so at most one CreateSession is in flight; readers get the last good session
 * from memory until it expires, whatever happens upstream.
 */
export class SessionKeeper {
  readonly #parts: KeeperParts;
  #state: KeeperState = initialState;
  readonly #logged = new LoggedFailures();
  #hadSession = false;
  /** The moment of the last grant on both clocks. */
  #grantedAt: { readonly wall: number; readonly monotonic: number } | undefined;
  #wake: () => void = () => undefined;
  readonly #firstSession = new AbortController();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  get state(): KeeperState {
    return this.#state;
  }

  /** The held session, unless it has expired. */
  current(): RoleSession | undefined {
    const { session } = this.#state;
    return session && session.expiration > this.#now() ? session : undefined;
  }

  /** Resolves when the first session has come, after `ms` at the latest; at once if there ever was one or an attempt has failed. */
  async waitForFirst(ms: number): Promise<void> {
    if (!this.#hadSession && !this.#state.trouble) await this.#parts.clock.sleep(ms, this.#firstSession.signal);
  }

  /**
   * Wall time, but never earlier than what has passed since the last grant makes it: a clock that is set back must not lengthen
   * the life of a session. Set forward, it shortens it, as it does for the clients, who compare with the same clock.
   */
  #now(): number {
    const { clock } = this.#parts;
    const granted = this.#grantedAt;
    return Math.max(clock.now(), granted ? granted.wall + clock.monotonic() - granted.monotonic : 0);
  }

  /** Asks again now: identity or configuration has changed. */
  retryNow(): void {
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
    await clock.sleep(Math.min(until - this.#now(), TICK_MS), waker.signal);
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

  /** @returns whether there is something to serve now. */
  #resume(session: RoleSession | undefined): boolean {
    if (!session || session.expiration <= this.#now()) return false;
    this.#hold(session, afterRestart(session, this.#parts.phase, this.#now()), 'role session restored');
    return true;
  }

  #granted(session: RoleSession): void {
    const { random, phase } = this.#parts;
    // It ended while the call was under way, and clients got 503: that is not to go untold.
    if (decide(this.#state, this.#now()).do === 'drop') this.#drop();
    const isFirst = !this.#hadSession;
    this.#hold(session, afterGrant(session, isFirst ? phase : random(), isFirst), 'role session granted');
  }

  #hold(session: RoleSession, state: KeeperState, message: string): void {
    const { clock, log } = this.#parts;
    const isFirst = !this.#hadSession;
    this.#state = state;
    this.#logged.clear();
    this.#hadSession = true;
    // A session from before a restart was granted on a monotonic clock that is no more.
    this.#grantedAt = { wall: Math.max(session.receivedAt, clock.now()), monotonic: clock.monotonic() };
    this.#firstSession.abort();
    log('info', message, {
      accessKeyId: session.accessKeyId,
      assumedRoleArn: session.assumedRoleArn,
      expiration: isoSeconds(session.expiration),
      renewAt: isoSeconds(state.renewAt),
      requestId: session.requestId,
    });
    if (isFirst) this.#warnOfShortLife(session);
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
    // Once per change of state: an outage of a day is not a day of equal lines.
    const level = isNews ? (this.current() ? 'warn' : 'error') : 'debug';
    log(level, 'could not get a role session; retrying', this.#troubleFields());
  }

  #troubleFields(): Record<string, unknown> {
    const { session, trouble } = this.#state;
    return {
      ...(trouble && {
        ...failureFields(trouble.failure),
        requestId: trouble.failure.requestId,
        attempts: trouble.calls,
        retryAt: isoSeconds(trouble.retryAt),
      }),
      ...(session && { heldUntil: isoSeconds(session.expiration) }),
    };
  }
}

/** What is wrong with files on this host costs nobody anything to look at again soon. */
function asExchangeFailure(error: unknown): ExchangeFailure {
  return error instanceof ExchangeFailure ? error : new ExchangeFailure(asCodedError(error), { retry: 'soon' });
}
