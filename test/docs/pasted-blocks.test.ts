import { expect, test } from 'vitest';
import { documentBlocks, ENTRIES, entryOf } from '../pasting/document-blocks.ts';

const blocks = documentBlocks();

test('each block of shell in README.md and docs/ is run by test/pasting, or has a reason why it cannot be', () => {
  const without = blocks.filter((block) => !entryOf(block)).map(({ file, text }) => `${file}: ${text}`);
  expect(without, 'add an entry to test/pasting/document-blocks.ts').toEqual([]);
});

test('and each entry is of a block', () => {
  const used = new Set(blocks.map(entryOf));
  const idle = ENTRIES.filter(([, , entry]) => !used.has(entry)).map(([file, beginning]) => `${file}: ${beginning}`);
  expect(idle).toEqual([]);
});
