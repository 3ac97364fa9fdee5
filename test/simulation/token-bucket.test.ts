import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('admits a burst, then calls at its rate, and a rejected call takes nothing', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
  const admitted = Array.from({ length: 1000 }, (_, ms) => ms).filter((ms) => bucket.admits(ms));
  expect(admitted).toEqual([0, 1, 2, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
});

test('is full again after a quiet time, and never fuller', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
  bucket.admits(0);
  const inOneMoment = Array.from({ length: 5 }, () => bucket.admits(3_600_000));
  expect(inOneMoment).toEqual([true, true, true, false, false]);
});
