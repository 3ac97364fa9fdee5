// Decides when to ask for the next role session. Pure rules, so that tests can simulate a day, an
// outage or ten thousand hosts in milliseconds. docs/architecture.md, "Numbers", explains the
// numbers.

import type { ExchangeFailure, Retry } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';

/**
 * The state of a session keeper. Replaced as a whole, never modified. Times are milliseconds since
 * the epoch.
 */
export interface KeeperState {
  /** The last good session, kept until it expires. */
  readonly session: RoleSession | undefined;
  /** When to renew it. Drawn once: a new draw at every look would undo the spread over a fleet. */
  readonly renewAt: number;
  /** The failures since the last grant. */
  readonly trouble: Trouble | undefined;
}

export interface Trouble {
  readonly failure: ExchangeFailure;
  /** Consecutive failures; for refusals, those since the last failure of another kind. */
  readonly attempts: number;
  /** All consecutive failures of any kind, since `since`. */
  readonly calls: number;
  /** Time of the first failure. A change that may help does not reset it. */
  readonly since: number;
  readonly failedAt: number;
  readonly retryAt: number;
  /**
   * When this host, without a session to serve, was first throttled: it has waited in the queue for
   * sessions since then.
   */
  readonly queuedSince: number | undefined;
}

export type Decision =
  | { readonly do: 'exchange' }
  /** The current session has expired: stop serving it. */
  | { readonly do: 'drop' }
  | { readonly do: 'wait'; readonly until: number };

/** A number in [0, 1), as Math.random gives it. */
export type Random = () => number;

export const initialState: KeeperState = { session: undefined, renewAt: 0, trouble: undefined };

export function decide(state: KeeperState, now: number): Decision {
  if (state.session && state.session.expiration <= now) return { do: 'drop' };
  const due = dueAt(state, now);
  return due <= now ? { do: 'exchange' } : { do: 'wait', until: due };
}

function dueAt({ renewAt, trouble }: KeeperState, now: number): number {
  // A failure in the future: the clock was set back, and the time to wait for may be years away.
  if (trouble) return trouble.failedAt > now ? now : trouble.retryAt;
  // Applies to an expired session too: a session of milliseconds must not cause calls every few
  // milliseconds.
  return renewAt;
}

/**
 * Renews between 40 and 50 % of the granted lifetime, so that a 1 h session always has the 25
 * minutes left that botocore requires. The first renewal after a start falls between 20 and 50 %,
 * so that hosts that were powered on together drift apart at once.
 *
 * @param draw - in [0, 1)
 */
export function afterGrant(session: RoleSession, draw: number, isFirst: boolean): KeeperState {
  const earliest = isFirst ? 0.2 : 0.4;
  const fraction = earliest + (0.5 - earliest) * draw;
  const life = session.expiration - session.receivedAt;
  return { session, renewAt: session.receivedAt + Math.max(life * fraction, SHORTEST_RENEWAL), trouble: undefined };
}

export function afterFailure(state: KeeperState, failure: ExchangeFailure, random: Random, now: number): KeeperState {
  const attempts = attemptsBefore(state, failure) + 1;
  const queuedSince = queueEntry(state, failure, now);
  const queued = Math.max(0, now - (queuedSince ?? now));
  const delay = RETRY_DELAYS[failure.retry]({
    attempts,
    remaining: remainingLife(state, now),
    queued,
    random: random(),
  });
  const asked = Math.min(failure.retryAfterMs ?? 0, LONGEST_RETRY_AFTER);
  const retryAt = now + Math.max(delay, asked, SHORTEST_DELAY);
  return {
    ...state,
    trouble: {
      failure,
      attempts,
      calls: (state.trouble?.calls ?? 0) + 1,
      since: state.trouble?.since ?? now,
      failedAt: now,
      retryAt,
      queuedSince,
    },
  };
}

/**
 * A refusal after other failures starts a new series. Otherwise, after a day with a wrong clock,
 * the call in flight while the clock is set would be refused for its signature and cost half an
 * hour.
 */
function attemptsBefore({ trouble }: KeeperState, { retry }: ExchangeFailure): number {
  const isNew = retry === 'slow' && trouble?.failure.retry !== 'slow';
  return isNew ? 0 : (trouble?.attempts ?? 0);
}

export function afterExpiry(state: KeeperState): KeeperState {
  return { ...state, session: undefined };
}

/** Something changed that may end the failures: identity or configuration. */
export function afterChange(state: KeeperState, now: number): KeeperState {
  return state.trouble
    ? { ...state, trouble: { ...state.trouble, attempts: 0, retryAt: now } }
    : { ...state, renewAt: now };
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const SHORTEST_DELAY = 100;
/** A service that grants almost no lifetime must not cause a call every few milliseconds. */
const SHORTEST_RENEWAL = SECOND;
/** A server may ask for a delay, but not for days. */
const LONGEST_RETRY_AFTER = 10 * MINUTE;

interface RetryInput {
  readonly attempts: number;
  /** Remaining lifetime of the current session in milliseconds; 0 without one. */
  readonly remaining: number;
  /** Milliseconds in the queue for sessions, without one to serve. */
  readonly queued: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * Milliseconds to wait. Full jitter (uniform between zero and a growing limit) spreads a fleet
 * best.
 */
const RETRY_DELAYS: Readonly<Record<Retry, (input: RetryInput) => number>> = {
  soon: ({ attempts, remaining, random }) => random * Math.min(doubled(SECOND, attempts), outageCap(remaining)),
  throttled: (input) => (input.remaining > 0 ? yieldingDelay(input) : input.random * queueWindow(input.queued)),
  // People have to act first, so wait at least half of the step.
  slow: ({ attempts, random }) => (0.5 + random / 2) * Math.min(doubled(30 * SECOND, attempts), 30 * MINUTE),
};

/** A single refusal may be an accident: retry within seconds. */
const FIRST_WINDOW = 15 * SECOND;
/** Remaining lifetime at which a host gets urgent. */
const ALMOST_OVER = 3 * MINUTE;
/** The time that 10 000 hosts take at 10 calls per second, plus 2 % for collisions. */
const LONG_QUEUE = 17 * MINUTE;

/**
 * Throttled, with a session to serve: hosts with time left let those with less go first. On the
 * second throttling, a host waits for half to three quarters of the remaining time. Only near its
 * end it asks several times.
 */
function yieldingDelay({ attempts, remaining, random }: RetryInput): number {
  if (attempts === 1) return random * Math.min(FIRST_WINDOW, remaining / 4);
  if (remaining < ALMOST_OVER) return (random * remaining) / 4;
  return (0.5 + random / 4) * Math.min(remaining, HOUR);
}

/**
 * Throttled, without a session: the host knows only how long it has been in the queue. A window of
 * twelve times that quickly covers the queue of 10 000 hosts. From then on, each host's next try is
 * uniform over the rest of the queue, so that the load stays even until the end. In a longer queue,
 * no host waits more than an eighth of its time again.
 */
function queueWindow(queued: number): number {
  const untilServed = Math.min(12 * queued, LONG_QUEUE - queued);
  return Math.max(FIRST_WINDOW, untilServed, Math.min(queued / 8, 30 * MINUTE));
}

/**
 * Without a session, clients wait for the first try after the service recovers. A longer delay
 * hardly changes how a fleet recovers, because the quota limits it then.
 */
const LONGEST_WITH_NOTHING = 15 * SECOND;

/** Several tries must fit into the remaining time. */
function outageCap(remaining: number): number {
  return remaining > 0 ? Math.min(5 * MINUTE, remaining / 4) : LONGEST_WITH_NOTHING;
}

function doubled(base: number, attempts: number): number {
  return base * 2 ** Math.min(attempts - 1, 20);
}

/** A host stays in the queue until it has a session, whatever else fails. */
function queueEntry({ session, trouble }: KeeperState, failure: ExchangeFailure, now: number): number | undefined {
  if (session) return undefined;
  return trouble?.queuedSince ?? (failure.retry === 'throttled' ? now : undefined);
}

function remainingLife(state: KeeperState, now: number): number {
  return Math.max(0, (state.session?.expiration ?? 0) - now);
}

const LONGEST_SPREAD = 30 * MINUTE;
/** Below this, botocore fetches again with every call. */
const COMFORTABLE = 25 * MINUTE;

/**
 * A session from before a restart is served at once and renewed soon: certificate, role or duration
 * may have changed, and the log should show whether the service still grants sessions. Renewal
 * falls within half an hour, because hosts that start together must not call together. With less
 * than 25 minutes left, it falls within a quarter of the rest. The position in that span is the
 * same at every start, so that a daemon in a restart loop makes hardly any calls.
 *
 * @param phase - in [0, 1), of this host.
 * @param now - milliseconds since the epoch.
 */
export function afterRestart(session: RoleSession, phase: number, now: number): KeeperState {
  const left = session.expiration - now;
  const spread = left > COMFORTABLE ? Math.min(left - COMFORTABLE, LONGEST_SPREAD) : left / 4;
  return { session, renewAt: now + phase * spread, trouble: undefined };
}
