import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ANSWER_CASES } from '../faults/answer-cases.ts';
import { BRIEF_DAYS } from '../faults/brief-day.ts';
import { WAY_CASES } from '../faults/way-cases.ts';

const PAGE = path.resolve(import.meta.dirname, '../../docs/reliability.md');

interface Row {
  readonly said: readonly string[];
  readonly tests: readonly string[];
}

const quoted = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);

async function faultTable(): Promise<Row[]> {
  const [, section = ''] = (await readFile(PAGE, 'utf8')).split(/^## .*$/m);
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2);
  return rows
    .map((line) => line.split('|'))
    .map(([, , said, , tests]) => ({ said: quoted(said), tests: quoted(tests) }));
}

test('the page lists exactly the tested faults, with the codes that their tests expect', async () => {
  const rows = await faultTable();
  const cases = [...ANSWER_CASES, ...WAY_CASES];
  for (const { name, code } of cases) expect(rows.find(({ tests }) => tests.includes(name))?.said).toContain(code);
  const names = [...cases, ...BRIEF_DAYS].map(({ name }) => name);
  expect(rows.flatMap(({ tests }) => tests).sort()).toEqual(names.sort());
});
