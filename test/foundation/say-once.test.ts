import { describe, expect, test } from 'vitest';
import { SayOnce, SayRarely } from '../../src/foundation/say-once.ts';

describe('a lasting state', () => {
  test('is logged again when it changes, and after it was over', () => {
    const said = new SayOnce();
    const news = (text: string): boolean => said.isNews('file', text);
    expect([news('full'), news('full'), news('gone'), news('full')]).toEqual([true, false, true, true]);
    expect([said.clear('file'), said.clear('file'), news('full')]).toEqual([true, false, true]);
  });

  test('can be checked without being logged', () => {
    const said = new SayOnce();
    expect([said.isKnown('file', 'full'), said.isNews('file', 'full'), said.isKnown('file', 'full')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('is kept for each subject, and all can end at once', () => {
    const said = new SayOnce();
    expect([said.isNews('one', ''), said.isNews('two', '')]).toEqual([true, true]);
    expect([said.clearAll(), said.clearAll(), said.isNews('one', '')]).toEqual([true, false, true]);
  });
});

test('events of any client are due once a minute for each subject, in bounded memory', () => {
  const said = new SayRarely();
  expect([said.isDue('a', 0), said.isDue('a', 59_999), said.isDue('b', 0), said.isDue('a', 60_000)]).toEqual([
    true,
    false,
    true,
    true,
  ]);
  for (let subject = 0; subject < 1_000; subject += 1) said.isDue(String(subject), 60_000);
  // Enough subjects were seen since to forget it.
  expect(said.isDue('a', 60_001)).toBe(true);
});
