import { describe, expect, test } from 'vitest';
import { ExchangeHistory, SLOT_MS, SLOTS } from '../../src/admin/exchange-history.ts';
import { failure, grantedSession } from '../sessions/support.ts';
import { NOON } from './support.ts';

const granted = { outcome: { granted: true, session: grantedSession(NOON) } } as const;
const failed = (code: string) => ({ outcome: { granted: false, failure: failure('soon', code) } }) as const;

describe('the calls of the last day', () => {
  test('are counted by half hour', () => {
    const history = new ExchangeHistory();
    history.note('a', granted, NOON + 1);
    history.note('a', failed('RA_UNREACHABLE'), NOON + SLOT_MS - 1);
    history.note('a', failed('RA_UNAVAILABLE'), NOON + SLOT_MS);
    history.note('b', granted, NOON);
    expect(history.of('a', NOON + SLOT_MS)).toEqual([
      { from: NOON, granted: 1, failed: 1, code: 'RA_UNREACHABLE' },
      { from: NOON + SLOT_MS, granted: 0, failed: 1, code: 'RA_UNAVAILABLE' },
    ]);
  });

  test('are forgotten after a day', () => {
    const history = new ExchangeHistory();
    history.note('a', granted, NOON);
    expect(history.of('a', NOON + SLOTS * SLOT_MS - 1)).toHaveLength(1);
    expect(history.of('a', NOON + SLOTS * SLOT_MS)).toEqual([]);
  });

  test('do not grow, whatever fails', () => {
    const history = new ExchangeHistory();
    for (let at = NOON; at < NOON + 5 * SLOTS * SLOT_MS; at += 60_000) history.note('a', failed('X'), at);
    expect(history.of('a', NOON + 5 * SLOTS * SLOT_MS)).toHaveLength(SLOTS - 1);
  });

  test('of a clock that was set back stay in order', () => {
    const history = new ExchangeHistory();
    history.note('a', granted, NOON + SLOT_MS);
    history.note('a', granted, NOON);
    expect(history.of('a', NOON + SLOT_MS).map(({ from }) => from)).toEqual([NOON]);
  });
});
