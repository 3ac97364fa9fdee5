import { expect, it } from 'vitest';
import { utf8Text } from '../../src/foundation/utf8-text.ts';

it.each([
  ['', ''],
  ['name: büro\n', 'name: büro\n'],
  ['\uFEFFa: 1', 'a: 1'],
  // Written so, it is text like any other.
  ['\uFFFD', '\uFFFD'],
])('reads %j', (written, read) => {
  expect(utf8Text(Buffer.from(written))).toBe(read);
});

it.each([
  ['Latin-1', Buffer.from('# büro\n', 'latin1'), 'line 1 is not in UTF-8: for Latin-1, '],
  ['Latin-1 after UTF-8', Buffer.concat([Buffer.from('ü\r\nx\n'), Buffer.of(0xfc)]), 'line 3 is not in UTF-8'],
  ['half a character', Buffer.from('a: 1\nü').subarray(0, -1), 'line 2 is not in UTF-8'],
  ['UTF-16', Buffer.from('a: 1', 'utf16le'), 'it is not in UTF-8: for UTF-16, '],
  ['UTF-16 with its mark', Buffer.from('\uFEFFa: 1', 'utf16le'), 'it is not in UTF-8: for UTF-16, '],
])('rejects %s', (_title, content, message) => {
  expect(() => utf8Text(content)).toThrow(RangeError);
  expect(() => utf8Text(content)).toThrow(message);
});
