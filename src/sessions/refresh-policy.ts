// When to ask for the next role session: pure rules, so that a day, an outage or ten thousand hosts can be played through in
// milliseconds. The numbers and their reasons are in docs/architecture.md, "Numbers".

import type { ExchangeFailure, Retry } from '../rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';

/** All that a session keeper knows; replaced as a whole, never changed. Times are milliseconds since the epoch. */
export interface KeeperState {
  /** The last good session, kept until it expires. */
  readonly session: RoleSession | undefined;
  /** When to renew it; drawn once, as a new draw at every look would collapse the spread over a fleet. */
  readonly renewAt: number;
  /** What has gone wrong since the last grant. */
  readonly trouble: Trouble | undefined;
}

export interface Trouble {
  readonly failure: ExchangeFailure;
  /** Failures in a row; of refusals, those since the last failure of another kind. */
  readonly attempts: number;
  /** All failures in a row, of whatever kind, since `since`. */
  readonly calls: number;
  /** When the first of them came; a change that may cure it does not make it younger. */
  readonly since: number;
  readonly failedAt: number;
  readonly retryAt: number;
  /** When the host, with nothing to serve, was first throttled: since then it stands in the queue for sessions. */
  readonly queuedSince: number | undefined;
}

export type Decision =
  | { readonly do: 'exchange' }
  /** The held session has expired: stop serving it. */
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
  // A failure in the future: the clock has been set back since, and what it was to wait for may be years away.
  if (trouble) return trouble.failedAt > now ? now : trouble.retryAt;
  // Also of a session that has expired: one that lived for milliseconds is no reason to ask again within milliseconds.
  return renewAt;
}

/**
 * Renewal falls between 40 and 50 % of the granted life, so that a 1 h session never shows less than the 25 minutes botocore
 * wants. The first one after a start falls between 20 and 50 %: hosts that power came back to together drift apart at once.
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
 * A refusal that follows other trouble is a new one: after a day of a wrong clock, the call that was under way when it was set, and
 * is refused for its signature, must not cost half an hour.
 */
function attemptsBefore({ trouble }: KeeperState, { retry }: ExchangeFailure): number {
  const isNew = retry === 'slow' && trouble?.failure.retry !== 'slow';
  return isNew ? 0 : (trouble?.attempts ?? 0);
}

export function afterExpiry(state: KeeperState): KeeperState {
  return { ...state, session: undefined };
}

/** Something changed that may cure the trouble: identity or configuration. */
export function afterChange(state: KeeperState, now: number): KeeperState {
  return state.trouble
    ? { ...state, trouble: { ...state.trouble, attempts: 0, retryAt: now } }
    : { ...state, renewAt: now };
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const SHORTEST_DELAY = 100;
/** A service that grants next to nothing must not draw a call every few milliseconds. */
const SHORTEST_RENEWAL = SECOND;
/** A server may ask for patience, not for days of it. */
const LONGEST_RETRY_AFTER = 10 * MINUTE;

interface RetryInput {
  readonly attempts: number;
  /** Life left in the held session, milliseconds; 0 when there is none. */
  readonly remaining: number;
  /** Milliseconds in the queue for sessions, with nothing to serve. */
  readonly queued: number;
  /** In [0, 1). */
  readonly random: number;
}

/** Milliseconds to wait. Full jitter (uniform between nothing and a growing ceiling) is what spreads a herd best. */
const RETRY_DELAYS: Readonly<Record<Retry, (input: RetryInput) => number>> = {
  soon: ({ attempts, remaining, random }) => random * Math.min(doubled(SECOND, attempts), outageCap(remaining)),
  throttled: (input) => (input.remaining > 0 ? yieldingDelay(input) : input.random * queueWindow(input.queued)),
  // People have to act first. At least half of the step, since asking early cannot help.
  slow: ({ attempts, random }) => (0.5 + random / 2) * Math.min(doubled(30 * SECOND, attempts), 30 * MINUTE),
};

/** One refusal is an accident: the host is back within seconds. */
const FIRST_WINDOW = 15 * SECOND;
/** What is left of a session when it is time to push. */
const ALMOST_OVER = 3 * MINUTE;
/** What 10 000 hosts take at 10 calls a second, and 2 % for collisions. */
const LONG_QUEUE = 17 * MINUTE;

/**
 * Throttled, with a session to serve: whoever has time left lets those go first who have less. The second time in trouble a
 * host waits for half to three quarters of what is left; only when that is almost over it asks several times.
 */
function yieldingDelay({ attempts, remaining, random }: RetryInput): number {
  if (attempts === 1) return random * Math.min(FIRST_WINDOW, remaining / 4);
  if (remaining < ALMOST_OVER) return (random * remaining) / 4;
  return (0.5 + random / 4) * Math.min(remaining, HOUR);
}

/**
 * Throttled, with nothing to serve: all that a host knows of the queue is how long it has stood in it. A window of twelve times
 * that soon reaches the end of the queue that 10 000 hosts make; from then on everyone's next try falls anywhere in what is left
 * of it, so that the tries stay even until the last. In a longer queue nobody waits more than an eighth of the time again.
 */
function queueWindow(queued: number): number {
  const untilServed = Math.min(12 * queued, LONG_QUEUE - queued);
  return Math.max(FIRST_WINDOW, untilServed, Math.min(queued / 8, 30 * MINUTE));
}

/**
 * With nothing to serve, the next try after the service is well again is what clients wait for. How long that may be hardly shows
 * in how a fleet recovers, as the quota holds it back by then.
 */
const LONGEST_WITH_NOTHING = 15 * SECOND;

/** Several tries must fit into what is left. */
function outageCap(remaining: number): number {
  return remaining > 0 ? Math.min(5 * MINUTE, remaining / 4) : LONGEST_WITH_NOTHING;
}

function doubled(base: number, attempts: number): number {
  return base * 2 ** Math.min(attempts - 1, 20);
}

/** Once in the queue, a host stays there until it has a session, whatever else goes wrong meanwhile. */
function queueEntry({ session, trouble }: KeeperState, failure: ExchangeFailure, now: number): number | undefined {
  if (session) return undefined;
  return trouble?.queuedSince ?? (failure.retry === 'throttled' ? now : undefined);
}

function remainingLife(state: KeeperState, now: number): number {
  return Math.max(0, (state.session?.expiration ?? 0) - now);
}
