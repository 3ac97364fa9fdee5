/**
 * How one certificate replaces another, as a state and its transitions. docs/architecture.md has
 * the table.
 *
 * Both are proven pairs, but only the service can say whether it accepts them. So the current
 * identity stays in use until a newer one, the candidate, was granted a session. A role that is
 * refused the new identity keeps the previous one.
 */
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';

export interface Rollover {
  /** The identity in use, expired or not. */
  readonly used: SigningIdentity | undefined;
  readonly candidate: Candidate | undefined;
  /** One role tries the candidate; the others use the identity in use. */
  readonly isTrying: boolean;
  /** The identity of the last session of each role. */
  readonly granted: ReadonlyMap<string, SigningIdentity>;
}

/** A newer identity without a successful exchange so far. */
export interface Candidate {
  readonly identity: SigningIdentity;
  /** Why it has no session so far. */
  readonly failure: ExchangeFailure | undefined;
  /** Calls since the last turn of the identity in use that neither succeeded nor were refused. */
  readonly troubles: number;
  /** Milliseconds since the epoch. */
  readonly restsUntil: number;
}

/** The first identity, a new candidate, or another one in use. */
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

/** The service refused it but accepts the one in use: IAM or the files must change first. */
const REST_MS = 15 * 60_000;

/**
 * This many failed calls may be the network's fault. A turn of the identity in use shows whose
 * fault it is.
 */
const TROUBLES_BEFORE_COMPARISON = 3;

/** The identity for the next exchange; undefined if there is none or it has expired. */
export function usable({ used }: Rollover, now: number): SigningIdentity | undefined {
  return isValid(used, now) ? used : undefined;
}

/** A valid candidate replaces an expired identity in use. */
export function afterExpiry(state: Rollover, now: number): Transition {
  const { used, candidate } = state;
  if (isValid(used, now) || !isValid(candidate?.identity, now)) return { state, changes: [] };
  return adopted(state, candidate.identity);
}

/** The identity on disk: used at once if no valid one is in use, otherwise a candidate. */
export function afterOffer(state: Rollover, offered: SigningIdentity, now: number): Transition {
  const { used, candidate } = state;
  const known = candidate?.identity ?? used;
  if (known && isSame(known, offered)) return { state: withKeyOf(state, offered), changes: [] };
  if (!isValid(used, now))
    return { state: { ...state, used: offered, candidate: undefined }, changes: [state.used ? 'adopted' : 'first'] };
  // The files of the identity in use are back: nothing is left to try.
  if (isSame(used, offered)) return { state: { ...withKeyOf(state, offered), candidate: undefined }, changes: [] };
  return { state: { ...state, candidate: untried(offered) }, changes: ['candidate'] };
}

/** The next exchange of any role. */
export function nextTurn({ candidate, isTrying }: Rollover, now: number): 'use' | 'try' | 'compare' {
  if (!candidate || isTrying || now < candidate.restsUntil) return 'use';
  return candidate.troubles < TROUBLES_BEFORE_COMPARISON ? 'try' : 'compare';
}

/**
 * The candidate was granted a session. If other files replaced it meanwhile, even the previous
 * ones, they are tried next.
 */
export function adopted(state: Rollover, identity: SigningIdentity): Transition {
  const onDisk = state.candidate?.identity ?? state.used;
  const next = onDisk && onDisk !== identity ? untried(onDisk) : undefined;
  return {
    state: { ...state, used: identity, candidate: next },
    changes: next ? ['adopted', 'candidate'] : ['adopted'],
  };
}

/** The candidate was refused, or the call failed. A failed call says nothing about the candidate. */
export function afterFailedTrial(state: Rollover, tried: SigningIdentity, failure: ExchangeFailure): Rollover {
  return withCandidate(state, tried, ({ troubles }) => ({
    failure,
    troubles: troubles + (failure.retry === 'soon' ? 1 : 0),
  }));
}

/** The turn of the identity in use, after the candidate. */
export function whileComparing(state: Rollover, tried: SigningIdentity): Rollover {
  return withCandidate(state, tried, () => ({ troubles: 0 }));
}

/** The candidate is at fault only if the identity in use is granted what the candidate was refused. */
export function afterComparison(state: Rollover, tried: SigningIdentity, now: number): Rollover {
  return withCandidate(state, tried, () => ({ restsUntil: now + REST_MS }));
}

export function afterGrantTo(state: Rollover, role: string, identity: SigningIdentity): Rollover {
  return { ...state, granted: new Map(state.granted).set(role, identity) };
}

/** The service refuses the role to its previous identity too, so the identity is not at fault. */
export function withoutPrevious(state: Rollover, role: string): Rollover {
  const granted = new Map(state.granted);
  granted.delete(role);
  return { ...state, granted };
}

/**
 * The alternative for a role that is refused `used`: the identity of its last session, if still
 * valid.
 */
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
  // A late answer about an identity that has been replaced.
  if (candidate?.identity !== tried) return state;
  return { ...state, candidate: { ...candidate, ...changed(candidate) } };
}

function untried(identity: SigningIdentity): Candidate {
  return { identity, failure: undefined, troubles: 0, restsUntil: 0 };
}

function isValid(identity: SigningIdentity | undefined, now: number): identity is SigningIdentity {
  return identity !== undefined && identity.notAfter > now;
}

/**
 * Replaces a known identity by the offered one, because its key may need another PIN, module or
 * device now. A key from a file cannot differ.
 */
function withKeyOf(state: Rollover, offered: SigningIdentity): Rollover {
  const { used, candidate } = state;
  const known = candidate?.identity ?? used;
  if (offered.key.kind === 'file' && known?.key.kind === 'file') return state;
  return {
    ...state,
    used: used && isSame(used, offered) ? offered : used,
    candidate: candidate && isSame(candidate.identity, offered) ? { ...candidate, identity: offered } : candidate,
  };
}

/** The same certificate may be refused with one chain and accepted with another. */
function isSame(one: SigningIdentity, other: SigningIdentity): boolean {
  return one.fingerprint === other.fingerprint && Buffer.concat(one.chain).equals(Buffer.concat(other.chain));
}
