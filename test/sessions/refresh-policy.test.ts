import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterChange,
  afterExpiry,
  afterFailure,
  afterGrant,
  decide,
  initialState,
  type KeeperState,
} from '../../src/sessions/refresh-policy.ts';
import { HOUR, MINUTE, SECOND, failure, grantedSession } from './support.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');

/** The highest draw shows the ceiling of a delay. */
const highest = (): number => 0.999_999_999;

function failing(state: KeeperState, retry: 'soon' | 'throttled' | 'slow', attempts: number): KeeperState {
  return Array.from({ length: attempts }).reduce<KeeperState>(
    (before) => afterFailure(before, failure(retry), highest, NOW),
    state,
  );
}

function delayOf(state: KeeperState): number {
  return Math.round(((state.trouble?.retryAt ?? NaN) - NOW) / SECOND);
}

describe('when to exchange', () => {
  test('at once, when nothing was ever held', () => {
    expect(decide(initialState, NOW)).toEqual({ do: 'exchange' });
  });

  test.each([
    { draw: 0, isFirst: false, minutes: 24 },
    { draw: 1, isFirst: false, minutes: 30 },
    { draw: 0, isFirst: true, minutes: 12 },
    { draw: 1, isFirst: true, minutes: 30 },
  ])('a 1 h session (first: $isFirst, draw $draw) is renewed after $minutes minutes', ({ draw, isFirst, minutes }) => {
    const state = afterGrant(grantedSession(NOW), draw, isFirst);
    expect(decide(state, NOW)).toEqual({ do: 'wait', until: NOW + minutes * MINUTE });
    expect(decide(state, NOW + minutes * MINUTE)).toEqual({ do: 'exchange' });
  });

  test('a held session is dropped in the moment it expires, and then asked for at once', () => {
    const held = failing(afterGrant(grantedSession(NOW), 0, false), 'slow', 9);
    expect(decide(held, NOW + HOUR)).toEqual({ do: 'drop' });
    expect(afterExpiry(held).session).toBeUndefined();
    expect(decide(afterExpiry(afterGrant(grantedSession(NOW), 0, false)), NOW + HOUR)).toEqual({ do: 'exchange' });
  });

  test('a change of identity or configuration asks at once, in trouble and in peace', () => {
    const troubled = failing(initialState, 'slow', 5);
    expect(decide(troubled, NOW)).toMatchObject({ do: 'wait' });
    expect(decide(afterChange(troubled, NOW), NOW)).toEqual({ do: 'exchange' });
    expect(decide(afterChange(afterGrant(grantedSession(NOW), 0, false), NOW), NOW)).toEqual({ do: 'exchange' });
  });
});

describe('how long to wait after a failure', () => {
  const held = afterGrant(grantedSession(NOW), 0, false);

  test.each([
    { retry: 'soon', state: initialState, attempts: 1, seconds: 1 },
    { retry: 'soon', state: initialState, attempts: 4, seconds: 8 },
    { retry: 'soon', state: initialState, attempts: 40, seconds: 60 },
    { retry: 'soon', state: held, attempts: 40, seconds: 300 },
    { retry: 'throttled', state: initialState, attempts: 1, seconds: 15 },
    { retry: 'throttled', state: initialState, attempts: 40, seconds: 120 },
    { retry: 'throttled', state: held, attempts: 40, seconds: 600 },
    { retry: 'slow', state: initialState, attempts: 1, seconds: 30 },
    { retry: 'slow', state: initialState, attempts: 3, seconds: 120 },
    { retry: 'slow', state: held, attempts: 2_000, seconds: 1_800 },
  ] as const)('$retry, attempt $attempts: at most $seconds s', ({ retry, state, attempts, seconds }) => {
    expect(delayOf(failing(state, retry, attempts))).toBe(seconds);
  });

  test('several tries fit into what is left of the held session', () => {
    const almostOver = afterGrant(grantedSession(NOW, 80 * SECOND), 0, false);
    expect(delayOf(failing(almostOver, 'soon', 40))).toBe(20);
  });

  test('Retry-After is respected, up to ten minutes', () => {
    const asked = (ms: number): KeeperState =>
      afterFailure(initialState, failure('throttled', 'RA_THROTTLED', ms), () => 0, NOW);
    expect(delayOf(asked(90 * SECOND))).toBe(90);
    expect(delayOf(asked(24 * HOUR))).toBe(600);
  });

  test('never in a busy loop, whatever is drawn, and the held session stays', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('soon', 'throttled', 'slow'),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 500 }),
        (retry, draw, attempts) => {
          let state = held;
          for (let attempt = 0; attempt < attempts; attempt += 1)
            state = afterFailure(state, failure(retry), () => draw, NOW);
          expect(state.session).toBe(held.session);
          expect((state.trouble?.retryAt ?? 0) - NOW).toBeGreaterThanOrEqual(100);
          expect((state.trouble?.retryAt ?? Infinity) - NOW).toBeLessThanOrEqual(30 * MINUTE);
        },
      ),
    );
  });
});
