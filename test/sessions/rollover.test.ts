import { expect, test } from 'vitest';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import {
  adopted,
  afterComparison,
  afterExpiry,
  afterFailedTrial,
  afterGrantTo,
  afterOffer,
  initialRollover,
  nextTurn,
  previousOf,
  type Rollover,
  usable,
  whileComparing,
  withoutPrevious,
} from '../../src/sessions/rollover.ts';
import { failure, someIdentity } from './support.ts';

const identity = (fingerprint: string, notAfter = 1_000): SigningIdentity => ({
  ...someIdentity,
  notAfter,
  fingerprint,
});
const [a, b, c] = [identity('a'), identity('b'), identity('c')];
const after = (...offered: SigningIdentity[]): Rollover =>
  offered.reduce((state, each) => afterOffer(state, each, 0).state, initialRollover);
const names = ({ used, candidate }: Rollover): unknown[] => [used?.fingerprint, candidate?.identity.fingerprint];

// The rows of the table in docs/architecture.md, "From one certificate to the next".
test('new files, without a valid pair in use', () => {
  expect(afterOffer(initialRollover, a, 0)).toMatchObject({
    state: { used: a, candidate: undefined },
    changes: ['first'],
  });
  expect(afterOffer(after(a, b), c, 1_000)).toMatchObject({
    state: { used: c, candidate: undefined },
    changes: ['adopted'],
  });
});

test('new files, with a valid pair in use', () => {
  expect(afterOffer(after(a), b, 0).changes).toEqual(['candidate']);
  expect(names(after(a, b, c))).toEqual(['a', 'c']);
});

test('the files of the pair in use are back', () => {
  expect(names(after(a, b, a))).toEqual(['a', undefined]);
});

test('the service grants the candidate a session, even if other files have come', () => {
  expect(names(adopted(after(a, b), b).state)).toEqual(['b', undefined]);
  expect(names(adopted(after(a, b, c), b).state)).toEqual(['b', 'c']);
  expect(names(adopted(after(a, b, a), b).state)).toEqual(['b', 'a']);
});

test('whose turn it is', () => {
  expect(nextTurn(after(a), 0)).toBe('use');
  const waiting = after(a, b);
  expect(nextTurn(waiting, 0)).toBe('try');
  expect(nextTurn({ ...waiting, isTrying: true }, 0)).toBe('use');
  expect(nextTurn(afterComparison(waiting, b, 0), 15 * 60_000 - 1)).toBe('use');
  expect(nextTurn(afterComparison(waiting, b, 0), 15 * 60_000)).toBe('try');
  const troubled = [1, 2, 3].reduce((state) => afterFailedTrial(state, b, failure('soon')), waiting);
  expect(nextTurn(troubled, 0)).toBe('compare');
  const throttled = [1, 2, 3].reduce((state) => afterFailedTrial(state, b, failure('throttled')), waiting);
  expect(nextTurn(throttled, 0)).toBe('try');
});

test('an answer about a candidate that has been replaced changes nothing', () => {
  const state = after(a, b, c);
  expect(afterFailedTrial(state, b, failure('slow'))).toBe(state);
  expect(afterComparison(state, b, 0)).toBe(state);
  expect(afterComparison(initialRollover, b, 0)).toBe(initialRollover);
});

test('the pair in use expires', () => {
  const state = after(identity('old', 500), b);
  expect(afterExpiry(state, 499)).toEqual({ state, changes: [] });
  expect(names(afterExpiry(state, 500).state)).toEqual(['b', undefined]);
  expect(afterExpiry(state, 1_000).changes).toEqual([]);
});

test('only an unexpired identity is usable', () => {
  expect(usable(initialRollover, 0)).toBeUndefined();
  expect(usable(after(a), 999)).toBe(a);
  expect(usable(after(a), 1_000)).toBeUndefined();
});

test('the same files again change nothing, another chain does', () => {
  const state = after(a, b);
  expect(afterOffer(state, { ...b }, 0)).toEqual({ state, changes: [] });
  expect(afterOffer(after(a), { ...a }, 0).changes).toEqual([]);
  expect(afterOffer(after(a), { ...a, chain: [Buffer.of(1)] }, 0).changes).toEqual(['candidate']);
  expect(afterOffer(after(a), { ...b, chain: a.chain }, 0).changes).toEqual(['candidate']);
  expect(afterOffer(after(a, b), a, 0).changes).toEqual([]);
});

test('the outcome of a call is kept with the candidate', () => {
  const refused = failure('slow');
  const tried = afterFailedTrial(after(a, b), b, refused);
  expect(tried.candidate).toEqual({ identity: b, failure: refused, troubles: 0, restsUntil: 0 });
  const troubled = afterFailedTrial(tried, b, failure('soon'));
  expect(troubled.candidate?.troubles).toBe(1);
  expect(whileComparing(troubled, b).candidate).toEqual({ ...troubled.candidate, troubles: 0 });
  expect(whileComparing(troubled, c)).toBe(troubled);
  expect(afterComparison(troubled, b, 5).candidate).toEqual({ ...troubled.candidate, restsUntil: 15 * 60_000 + 5 });
});

test('a candidate with a session reports that, and whether there is another', () => {
  expect(adopted(after(a, b), b).changes).toEqual(['adopted']);
  expect(adopted(after(a, b, c), b).changes).toEqual(['adopted', 'candidate']);
  expect(adopted(initialRollover, b)).toMatchObject({ state: { used: b, candidate: undefined }, changes: ['adopted'] });
  expect(afterExpiry(after(identity('old', 500), b), 500).changes).toEqual(['adopted']);
  expect(afterExpiry(after(identity('old', 500)), 500).changes).toEqual([]);
});

test('a role returns to the identity of its last session, if that is valid and different', () => {
  const state = afterGrantTo(afterGrantTo(after(b), 'one', a), 'two', b);
  expect(previousOf(state, 'one', b, 999)).toBe(a);
  expect(previousOf(state, 'one', b, 1_000)).toBeUndefined();
  expect(previousOf(state, 'two', b, 0)).toBeUndefined();
  expect(previousOf(state, 'three', b, 0)).toBeUndefined();
  expect(previousOf(initialRollover, 'one', b, 0)).toBeUndefined();
  const without = withoutPrevious(state, 'one');
  expect(previousOf(without, 'one', b, 0)).toBeUndefined();
  expect(previousOf(without, 'two', a, 0)).toBe(b);
  expect(state.granted.has('one')).toBe(true);
  expect(names(state)).toEqual(['b', undefined]);
});
