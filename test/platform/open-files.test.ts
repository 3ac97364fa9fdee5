import { expect, it } from 'vitest';
import { limitIn, openFilesLimit } from '../../src/platform/open-files.ts';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max processes             257577               257577               processes 
Max open files            1024                 524288               files     
Max locked memory         8388608              8388608              bytes     
`;

it('returns the soft limit', () => {
  expect(limitIn(LIMITS)).toBe(1_024);
});

it.each(['', LIMITS.replace('1024 ', 'unlimited')])('returns no limit without a number', (limits) => {
  expect(limitIn(limits)).toBeUndefined();
});

it.runIf(process.platform === 'linux')('this process has one', () => {
  expect(openFilesLimit()).toBeGreaterThan(10);
});
