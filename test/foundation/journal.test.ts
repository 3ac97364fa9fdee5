import { closeSync, fstatSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isJournal, journalLine, journalText } from '../../src/foundation/journal.ts';

test('only the stream named by JOURNAL_STREAM is the journal', () => {
  const descriptor = openSync('/dev/null', 'w');
  const { dev, ino } = fstatSync(descriptor);
  expect(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
  expect(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino + 1}` })).toBe(false);
  expect(isJournal(descriptor, {})).toBe(false);
  closeSync(descriptor);
  expect(isJournal(descriptor, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(false);
});

test.each([
  ['error', 'no session', { code: 'RA_X', error: 'no route' }, '<3>no session code=RA_X error="no route"'],
  ['warn', 'a', { list: ['b', 'c'], count: 2, none: undefined }, '<4>a list="[\\"b\\",\\"c\\"]" count=2'],
  ['info', 'b', { empty: '', null: null, yes: true }, '<6>b empty="" null=null yes=true'],
  ['debug', 'c', { odd: 'a"b\n<3>d' }, '<7>c odd="a\\"b\\n<3>d"'],
] as const)('a line of level %s', (level, message, fields, line) => {
  expect(journalLine(level, message, fields)).toBe(line);
});

test('each line of a text gets its priority', () => {
  expect(journalText('error', 'a\n  b')).toBe('<3>a\n<3>  b');
});
