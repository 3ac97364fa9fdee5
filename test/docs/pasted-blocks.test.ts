import { expect, test } from 'vitest';
import { documentBlocks, ENTRIES, entryOf } from '../pasting/document-blocks.ts';

const blocks = documentBlocks();

test('test/pasting runs each shell block in README.md and docs/, or has a reason why it cannot', () => {
  const without = blocks.filter((block) => !entryOf(block)).map(({ file, text }) => `${file}: ${text}`);
  expect(without, 'add an entry to test/pasting/document-blocks.ts').toEqual([]);
});

test('each entry belongs to a block', () => {
  const used = new Set(blocks.map(entryOf));
  const idle = ENTRIES.filter(([, , entry]) => !used.has(entry)).map(([file, beginning]) => `${file}: ${beginning}`);
  expect(idle).toEqual([]);
});
