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
import { failure, grantedSession, HOUR, MINUTE, SECOND } from './support.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');

/** The highest draw shows the upper limit of a delay. */
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
  test('at once, if there has never been a session', () => {
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

  test('an expired session is dropped at once, and a new one is requested at once', () => {
    const held = failing(afterGrant(grantedSession(NOW), 0, false), 'slow', 9);
    expect(decide(held, NOW + HOUR)).toEqual({ do: 'drop' });
    expect(afterExpiry(held).session).toBeUndefined();
    expect(decide(afterExpiry(afterGrant(grantedSession(NOW), 0, false)), NOW + HOUR)).toEqual({ do: 'exchange' });
  });

  test('after a session of milliseconds, the next call comes a second later', () => {
    const state = afterGrant(grantedSession(NOW, 10), 0, false);
    expect(decide(state, NOW + 10)).toEqual({ do: 'drop' });
    expect(decide(afterExpiry(state), NOW + 10)).toEqual({ do: 'wait', until: NOW + SECOND });
    expect(decide(afterGrant(grantedSession(NOW, 1_500), 0, false), NOW)).toEqual({ do: 'wait', until: NOW + SECOND });
  });

  test('setting the clock back ends a wait that began in the future', () => {
    const troubled = failing(initialState, 'soon', 1);
    expect(decide(troubled, NOW)).toMatchObject({ do: 'wait' });
    expect(decide(troubled, NOW - HOUR)).toEqual({ do: 'exchange' });
  });

  test('a change of identity or configuration causes a call at once, with and without failures', () => {
    const troubled = failing(initialState, 'slow', 5);
    expect(decide(troubled, NOW)).toMatchObject({ do: 'wait' });
    expect(decide(afterChange(troubled, NOW), NOW)).toEqual({ do: 'exchange' });
    expect(decide(afterChange(afterGrant(grantedSession(NOW), 0, false), NOW), NOW)).toEqual({ do: 'exchange' });
  });
});

describe('how long to wait after a failure', () => {
  const held = afterGrant(grantedSession(NOW, 36 * MINUTE), 0, false);
  const heldForDays = afterGrant(grantedSession(NOW, 12 * HOUR), 0, false);

  test.each([
    { retry: 'soon', state: initialState, attempts: 1, seconds: 1 },
    { retry: 'soon', state: initialState, attempts: 4, seconds: 8 },
    { retry: 'soon', state: initialState, attempts: 40, seconds: 15 },
    { retry: 'soon', state: held, attempts: 40, seconds: 300 },
    { retry: 'throttled', state: initialState, attempts: 1, seconds: 15 },
    { retry: 'throttled', state: held, attempts: 1, seconds: 15 },
    { retry: 'throttled', state: held, attempts: 2, seconds: 1_620 },
    { retry: 'throttled', state: heldForDays, attempts: 2, seconds: 2_700 },
    { retry: 'slow', state: initialState, attempts: 1, seconds: 30 },
    { retry: 'slow', state: initialState, attempts: 3, seconds: 120 },
    { retry: 'slow', state: held, attempts: 2_000, seconds: 1_800 },
  ] as const)('$retry, attempt $attempts: at most $seconds s', ({ retry, state, attempts, seconds }) => {
    expect(delayOf(failing(state, retry, attempts))).toBe(seconds);
  });

  test('a refusal after a long outage starts at half a minute, and consecutive refusals increase the delay', () => {
    const outage = failing(initialState, 'soon', 100);
    const refused = afterFailure(outage, failure('slow'), () => 0.999_999_999, NOW);
    expect(delayOf(refused)).toBe(30);
    expect(delayOf(failing(refused, 'slow', 2))).toBe(120);
  });

  test('several tries fit into the remaining time of the session', () => {
    const almostOver = afterGrant(grantedSession(NOW, 80 * SECOND), 0, false);
    expect(delayOf(failing(almostOver, 'soon', 40))).toBe(20);
    expect(delayOf(failing(almostOver, 'throttled', 1))).toBe(15);
    expect(delayOf(failing(almostOver, 'throttled', 40))).toBe(20);
  });

  test('when throttled again, a host with time left lets more urgent hosts go first', () => {
    const inTrouble = failing(held, 'soon', 3);
    const delays = [0, 0.999_999_999].map((draw) =>
      delayOf(afterFailure(inTrouble, failure('throttled'), () => draw, NOW)),
    );
    expect(delays).toEqual([18 * 60, 27 * 60]);
  });

  describe('throttled, without a session', () => {
    const queue = failing(initialState, 'throttled', 1);
    const windowAfter = (queued: number, state = queue): number => {
      const now = NOW + queued;
      return Math.round(
        ((afterFailure(state, failure('throttled'), highest, now).trouble?.retryAt ?? NaN) - now) / SECOND,
      );
    };

    test.each([
      { queued: 1, seconds: 15 },
      { queued: 10, seconds: 120 },
      { queued: 60, seconds: 12 * 60 },
      { queued: 5 * 60, seconds: 12 * 60 },
      { queued: 15 * 60, seconds: 2 * 60 },
      { queued: 17 * 60, seconds: 127.5 },
      { queued: 2 * 3600, seconds: 15 * 60 },
      { queued: 60 * 365 * 24 * 3600, seconds: 30 * 60 },
    ])('after $queued s in the queue: $seconds s at most', ({ queued, seconds }) => {
      expect(windowAfter(queued * SECOND)).toBeCloseTo(seconds, -0.5);
    });

    test('other failures keep its place, but a session or a clock set back starts again', () => {
      const later = afterFailure(queue, failure('soon'), highest, NOW + MINUTE);
      expect(windowAfter(10 * MINUTE, later)).toBe(7 * 60);
      expect(windowAfter(10 * MINUTE, initialState)).toBe(15);
      expect(windowAfter(-HOUR)).toBe(15);
      const lapsed = afterExpiry(failing(held, 'throttled', 5));
      expect(windowAfter(HOUR, lapsed)).toBe(15);
    });
  });

  test('Retry-After is respected, up to ten minutes', () => {
    const asked = (ms: number): KeeperState =>
      afterFailure(initialState, failure('throttled', 'RA_THROTTLED', ms), () => 0, NOW);
    expect(delayOf(asked(90 * SECOND))).toBe(90);
    expect(delayOf(asked(24 * HOUR))).toBe(600);
  });

  test('never loops without delay for any draw, and keeps the session', () => {
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
          expect((state.trouble?.retryAt ?? Infinity) - NOW).toBeLessThanOrEqual(45 * MINUTE);
        },
      ),
    );
  });
});

describe('the record of failures', () => {
  const first = afterFailure(initialState, failure('soon'), () => 0, NOW);

  test('has the first time, the count and the last time', () => {
    const refused = failure('slow');
    const then = afterFailure(first, refused, () => 0, NOW + MINUTE);
    expect(then.trouble).toEqual({
      failure: refused,
      attempts: 1,
      calls: 2,
      since: NOW,
      failedAt: NOW + MINUTE,
      retryAt: NOW + MINUTE + 15 * SECOND,
      queuedSince: undefined,
    });
    expect(afterFailure(then, failure('soon'), () => 0, NOW + MINUTE).trouble?.attempts).toBe(2);
  });

  test('after a change, restarts the attempts but keeps the first time', () => {
    expect(afterChange(first, NOW + MINUTE).trouble).toEqual({ ...first.trouble, attempts: 0, retryAt: NOW + MINUTE });
    const held = afterGrant(grantedSession(NOW), 0, false);
    expect(afterChange(held, NOW + 1)).toEqual({ ...held, renewAt: NOW + 1 });
  });

  test('ends with a granted session', () => {
    expect(afterGrant(grantedSession(NOW), 0, false).trouble).toBeUndefined();
  });

  test('the next try is due at its exact time', () => {
    const retryAt = first.trouble?.retryAt ?? NaN;
    expect(decide(first, retryAt - 1)).toEqual({ do: 'wait', until: retryAt });
    expect(decide(first, retryAt)).toEqual({ do: 'exchange' });
    expect(decide(first, NOW)).toEqual({ do: 'wait', until: NOW + 100 });
  });

  test('with a session, there is no queue', () => {
    const held = afterGrant(grantedSession(NOW), 0, false);
    expect(afterFailure(held, failure('throttled'), () => 0, NOW).trouble?.queuedSince).toBeUndefined();
    expect(afterFailure(initialState, failure('throttled'), () => 0, NOW).trouble?.queuedSince).toBe(NOW);
  });
});

test.each([
  [3 * MINUTE, 1, 0.5, 7.5],
  [12 * SECOND, 1, 1, 3],
  [3 * MINUTE, 2, 1, 135],
  [3 * MINUTE, 2, 0, 90],
  [3 * MINUTE - 4 * SECOND, 2, 1, 44],
  [3 * MINUTE - 4 * SECOND, 2, 0.5, 22],
  [2 * HOUR, 2, 1, 2_700],
])('throttled with %i ms left, attempt %i, draw %d: %d s', (life, attempts, draw, seconds) => {
  let state = afterGrant(grantedSession(NOW, life), 0, false);
  for (let attempt = 0; attempt < attempts; attempt += 1)
    state = afterFailure(state, failure('throttled'), () => draw, NOW);
  expect(((state.trouble?.retryAt ?? NaN) - NOW) / SECOND).toBeCloseTo(seconds, 5);
});
