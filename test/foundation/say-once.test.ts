import { describe, expect, test } from 'vitest';
import { SayOnce, SayRarely } from '../../src/foundation/say-once.ts';

describe('what is reported once', () => {
  test('is news again when it differs, and after it was fine', () => {
    const said = new SayOnce();
    const news = (text: string): boolean => said.isNews('file', text);
    expect([news('full'), news('full'), news('gone'), news('full')]).toEqual([true, false, true, true]);
    expect([said.clear('file'), said.clear('file'), news('full')]).toEqual([true, false, true]);
  });

  test('is asked about without being reported', () => {
    const said = new SayOnce();
    expect([said.isKnown('file', 'full'), said.isNews('file', 'full'), said.isKnown('file', 'full')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('is by subject, and all subjects can be fine at once', () => {
    const said = new SayOnce();
    expect([said.isNews('one', ''), said.isNews('two', '')]).toEqual([true, true]);
    expect([said.clearAll(), said.clearAll(), said.isNews('one', '')]).toEqual([true, false, true]);
  });
});

test('what strangers cause is due once a minute for each subject, and takes bounded memory', () => {
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
