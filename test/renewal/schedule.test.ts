import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { afterFailure, dueAt, type Held, resultOf, shortestWait, urgency } from '../../src/renewal/schedule.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const life = (length: number, fingerprint = '80000000') => ({ notBefore: 0, notAfter: length, fingerprint });
const failure = new CodedError('SOME_CODE', 'it failed', 'fix it');

test('due after its part of the life, and a twentieth of the life later at most, by the fingerprint', () => {
  expect(dueAt(life(100 * DAY, '00000000'), 0.66)).toBe(66 * DAY);
  expect(dueAt(life(100 * DAY, '80000000'), 0.66)).toBeCloseTo(68.5 * DAY, -1);
  expect(dueAt(life(100 * DAY, 'ffffffff'), 0.66)).toBeLessThan(71 * DAY);
});

test('waits grow to an hour, and shrink towards the end', () => {
  const next = (attempts: number, now: number): number => {
    const before = { failure, attempts, since: 0, retryAt: 0 };
    return afterFailure(before, failure, { life: life(100 * DAY), now, random: 1 }).retryAt - now;
  };
  expect(next(0, 70 * DAY)).toBe(MINUTE);
  expect(next(3, 70 * DAY)).toBe(8 * MINUTE);
  expect(next(40, 70 * DAY)).toBe(60 * MINUTE);
  expect(next(40, 100 * DAY - 80 * MINUTE)).toBe(10 * MINUTE);
  expect(next(40, 100 * DAY - MINUTE)).toBe(MINUTE);
});

test('never more often than the shortest wait, and several times before the end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 60, max: 400 * 86_400 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (s, random) => {
        const certificate = life(s * 1_000);
        let [now, attempts] = [dueAt(certificate, 0.66), 0];
        let trouble: ReturnType<typeof afterFailure> | undefined;
        while (now < certificate.notAfter) {
          trouble = afterFailure(trouble, failure, { life: certificate, now, random });
          expect(trouble.retryAt - now).toBeGreaterThan(shortestWait(certificate) - 1);
          now = trouble.retryAt;
          attempts += 1;
        }
        expect(attempts).toBeGreaterThanOrEqual(4);
        expect(trouble?.attempts).toBe(attempts);
      },
    ),
    { numRuns: 50 },
  );
});

test('more urgent towards the end', () => {
  expect([70, 81, 96, 101].map((day) => urgency(life(100 * DAY), day * DAY))).toEqual([
    'early',
    'late',
    'last',
    'last',
  ]);
});

test.each<[string, Held, boolean, number]>([
  ['granted', { used: { fingerprint: 'new' }, candidate: undefined, refusal: undefined }, false, 0],
  ['waiting', { used: { fingerprint: 'old' }, candidate: { fingerprint: 'new' }, refusal: undefined }, false, 0],
  // A network failure is no refusal.
  [
    'waiting',
    { used: { fingerprint: 'old' }, candidate: { fingerprint: 'new' }, refusal: { restsUntil: 0 } },
    false,
    0,
  ],
  [
    'refused',
    { used: { fingerprint: 'old' }, candidate: { fingerprint: 'new' }, refusal: { restsUntil: 9 } },
    false,
    0,
  ],
  ['gone', { used: { fingerprint: 'old' }, candidate: { fingerprint: 'other' }, refusal: undefined }, false, 0],
  ['waiting', { used: { fingerprint: 'old' }, candidate: undefined, refusal: undefined }, true, MINUTE - 1],
  ['gone', { used: { fingerprint: 'old' }, candidate: undefined, refusal: undefined }, true, MINUTE],
])('%s', (result, held, isOnDisk, now) => {
  const trial = { fingerprint: 'new', replaces: 'old', startedAt: 0, isOnDisk };
  expect(resultOf(trial, held, now)).toBe(result);
});
