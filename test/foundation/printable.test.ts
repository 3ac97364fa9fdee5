import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable, printableLine } from '../../src/foundation/printable.ts';

test.each([
  ['plain text, 10 €, 日本語 🙂\tand\nlines', 'plain text, 10 €, 日本語 🙂\tand\nlines'],
  ['\x1b[2J', '\\x1b[2J'],
  ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
  ['\u009b2J', '\\x9b2J'],
  ['over\rwritten\b\x7f\0', 'over\\x0dwritten\\x08\\x7f\\x00'],
  ['\u202egpj.exe\u2066', '\\u202egpj.exe\\u2066'],
  ['a\u2028b\ufeff\ud800', 'a\\u2028b\\ufeff\\ud800'],
  ['\u{e0041}', '\\ue0041'],
])('%j is shown as %j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('no character that moves a cursor remains, and the text is unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[^\P{Cc}\t\n]/u);
      expect(printable(shown)).toBe(shown);
    }),
  );
});

test('escapes survive JSON', () => {
  expect(JSON.parse(printable(JSON.stringify({ a: '\u009b' }), '\\\\'))).toEqual({ a: '\\x9b' });
});

test('one line stays one line', () => {
  expect(printableLine('  a\r\n\tb\u2028\x1b')).toBe('  a b\\u2028\\x1b');
});
