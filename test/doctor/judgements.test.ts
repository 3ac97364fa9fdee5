import { describe, expect, test } from 'vitest';
import { judgedClock } from '../../src/doctor/network-steps.ts';
import { causesOf } from '../../src/doctor/refusal-causes.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const dateAfter = (ms: number): string => new Date(NOW + ms).toUTCString();

describe('the clock', () => {
  test.each([0, 299_000, -299_000])('is right with %i ms', (ms) => {
    const { findings, learned } = judgedClock([['https://a', dateAfter(ms)]], NOW);
    expect({ findings, learned }).toEqual({ findings: [], learned: { facts: ['clock'] } });
  });

  test.each([301_000, -301_000, 86_400_000])('is wrong with %i ms', (ms) => {
    const { findings, learned } = judgedClock([['https://a', dateAfter(ms)]], NOW);
    expect(findings).toMatchObject([{ severity: 'error', code: 'RA_CLOCK_OFF' }]);
    expect(learned).toEqual({ facts: [] });
  });

  test('is not known without a date, even if another endpoint sends one', () => {
    const { findings, unchecked, learned } = judgedClock(
      [
        ['https://a', undefined],
        ['https://b', dateAfter(0)],
      ],
      NOW,
    );
    expect({ findings, unchecked, learned }).toEqual({
      findings: [],
      unchecked: ['https://a sends no date'],
      learned: { facts: [] },
    });
  });
});

describe('the causes of a refusal', () => {
  test('are all left if nothing is known', () => {
    const { left, ruledOut } = causesOf('RA_REFUSED', []);
    expect(left).toHaveLength(5);
    expect(ruledOut).toEqual([]);
  });

  test('that need several facts are ruled out by all of them only', () => {
    const dates = 'the certificate is outside its dates';
    expect(causesOf('RA_REFUSED', ['certificate']).left).toContain(dates);
    expect(causesOf('RA_REFUSED', ['certificate', 'clock']).ruledOut).toEqual([dates]);
  });

  test('never run out: something is left when everything on both sides was checked', () => {
    const facts = ['certificate', 'chain', 'tags', 'clock', 'anchor', 'profile', 'role', 'trust policy'] as const;
    for (const code of ['RA_REFUSED', 'RA_CANNOT_ASSUME_ROLE', 'RA_INVALID_SIGNATURE'])
      expect(causesOf(code, facts).left.length).toBeGreaterThan(0);
  });

  test('are not listed for a refusal with one meaning', () => {
    expect(causesOf('RA_THROTTLED', [])).toEqual({ left: [], ruledOut: [] });
  });
});
