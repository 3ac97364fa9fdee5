import { expect, test } from 'vitest';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import {
  adopted,
  afterComparison,
  afterExpiry,
  afterFailedTrial,
  afterOffer,
  initialRollover,
  nextTurn,
  type Rollover,
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
test('new files, with nothing valid in use', () => {
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

test('the service grants the candidate a session, also while other files have come', () => {
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
});

test('the pair in use expires', () => {
  const state = after(identity('old', 500), b);
  expect(afterExpiry(state, 499)).toEqual({ state, changes: [] });
  expect(names(afterExpiry(state, 500).state)).toEqual(['b', undefined]);
  expect(afterExpiry(state, 1_000).changes).toEqual([]);
});
