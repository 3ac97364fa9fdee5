import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { recordedPage, RecordedShell } from './recorded-shell.ts';

// The recordings in docs/init.md are what a shell prints, one after the other in one directory, except for serial
// numbers and times. `--update` records them again.

const PAGE = path.resolve(import.meta.dirname, '../../docs/init.md');

let shell: RecordedShell;
beforeAll(async () => {
  shell = await RecordedShell.open();
  return shell.close;
});

test('docs/init.md shows what is printed', async () => {
  await expect(await recordedPage(await readFile(PAGE, 'utf8'), shell.run)).toMatchFileSnapshot(PAGE);
});
