/**
 * How one certificate follows another, as a state and its transitions; docs/architecture.md has their table.
 *
 * Both are proven pairs, but only the service can say whether it accepts them. So the identity in use is kept until a newer one, the
 * candidate, has been granted a session; and a role that the service refuses the new one keeps the previous one.
 */
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';

export interface Rollover {
  /** In use, expired or not. */
  readonly used: SigningIdentity | undefined;
  readonly candidate: Candidate | undefined;
  /** One role tries the candidate; the others use what is in use. */
  readonly isTrying: boolean;
  /** What each role was granted its last session with. */
  readonly granted: ReadonlyMap<string, SigningIdentity>;
}

/** A newer identity that no exchange has succeeded with yet. */
export interface Candidate {
  readonly identity: SigningIdentity;
  /** Why it has no session yet. */
  readonly failure: ExchangeFailure | undefined;
  /** Calls since the last turn of the identity in use that neither succeeded nor were refused. */
  readonly troubles: number;
  /** Milliseconds since the epoch. */
  readonly restsUntil: number;
}

/** The first identity; one to try; another one in use. */
export type IdentityChange = 'first' | 'candidate' | 'adopted';

export interface Transition {
  readonly state: Rollover;
  readonly changes: readonly IdentityChange[];
}

export const initialRollover: Rollover = {
  used: undefined,
  candidate: undefined,
  isTrying: false,
  granted: new Map(),
};

/** Refused, while the one in use is not: IAM or the files have to change first. */
const REST_MS = 15 * 60_000;

/** So many troubled calls may be the network's. Then the identity in use has a turn, which shows whose they are. */
const TROUBLES_BEFORE_COMPARISON = 3;

/** The identity for the next exchange; undefined while there is none, or it has expired. */
export function usable({ used }: Rollover, now: number): SigningIdentity | undefined {
  return isValid(used, now) ? used : undefined;
}

/** An identity in use that has expired makes way for a valid candidate. */
export function afterExpiry(state: Rollover, now: number): Transition {
  const { used, candidate } = state;
  if (isValid(used, now) || !isValid(candidate?.identity, now)) return { state, changes: [] };
  return adopted(state, candidate.identity);
}

/** What is on disk now: used at once where nothing valid is held, else a candidate. */
export function afterOffer(state: Rollover, offered: SigningIdentity, now: number): Transition {
  const { used, candidate } = state;
  if (isSame(candidate?.identity ?? used, offered)) return { state, changes: [] };
  if (!isValid(used, now))
    return { state: { ...state, used: offered, candidate: undefined }, changes: [state.used ? 'adopted' : 'first'] };
  // The files of the identity in use are back: nothing is left to be tried.
  if (isSame(used, offered)) return { state: { ...state, candidate: undefined }, changes: [] };
  return { state: { ...state, candidate: untried(offered) }, changes: ['candidate'] };
}

/** What the next exchange of any role does. */
export function nextTurn({ candidate, isTrying }: Rollover, now: number): 'use' | 'try' | 'compare' {
  if (!candidate || isTrying || now < candidate.restsUntil) return 'use';
  return candidate.troubles < TROUBLES_BEFORE_COMPARISON ? 'try' : 'compare';
}

/** The candidate was granted a session. What has replaced it on disk meanwhile, also the previous one again, is tried next. */
export function adopted(state: Rollover, identity: SigningIdentity): Transition {
  const onDisk = state.candidate?.identity ?? state.used;
  const next = onDisk && onDisk !== identity ? untried(onDisk) : undefined;
  return {
    state: { ...state, used: identity, candidate: next },
    changes: next ? ['adopted', 'candidate'] : ['adopted'],
  };
}

/** The candidate was refused, or something failed on the way; the latter says nothing about it. */
export function afterFailedTrial(state: Rollover, tried: SigningIdentity, failure: ExchangeFailure): Rollover {
  return withCandidate(state, tried, ({ troubles }) => ({
    failure,
    troubles: troubles + (failure.retry === 'soon' ? 1 : 0),
  }));
}

/** The identity in use has its turn after the candidate. */
export function whileComparing(state: Rollover, tried: SigningIdentity): Rollover {
  return withCandidate(state, tried, () => ({ troubles: 0 }));
}

/** Only when the identity in use is granted what the candidate was not, the candidate is to blame. */
export function afterComparison(state: Rollover, tried: SigningIdentity, now: number): Rollover {
  return withCandidate(state, tried, () => ({ restsUntil: now + REST_MS }));
}

export function afterGrantTo(state: Rollover, role: string, identity: SigningIdentity): Rollover {
  return { ...state, granted: new Map(state.granted).set(role, identity) };
}

/** The service refuses the role to its previous identity too: it is not the identity that is to blame. */
export function withoutPrevious(state: Rollover, role: string): Rollover {
  const granted = new Map(state.granted);
  granted.delete(role);
  return { ...state, granted };
}

/** What a role that is refused `used` can still ask with: the identity it was granted last, while that is valid. */
export function previousOf(
  { granted }: Rollover,
  role: string,
  used: SigningIdentity,
  now: number,
): SigningIdentity | undefined {
  const previous = granted.get(role);
  return previous !== used && isValid(previous, now) ? previous : undefined;
}

function withCandidate(
  state: Rollover,
  tried: SigningIdentity,
  changed: (candidate: Candidate) => Partial<Candidate>,
): Rollover {
  const { candidate } = state;
  // A late answer about one that has been replaced.
  if (candidate?.identity !== tried) return state;
  return { ...state, candidate: { ...candidate, ...changed(candidate) } };
}

function untried(identity: SigningIdentity): Candidate {
  return { identity, failure: undefined, troubles: 0, restsUntil: 0 };
}

function isValid(identity: SigningIdentity | undefined, now: number): identity is SigningIdentity {
  return identity !== undefined && identity.notAfter > now;
}

/** The same certificate with another chain may be refused where it was not before. */
function isSame(one: SigningIdentity | undefined, other: SigningIdentity): boolean {
  return one?.fingerprint === other.fingerprint && Buffer.concat(one.chain).equals(Buffer.concat(other.chain));
}
