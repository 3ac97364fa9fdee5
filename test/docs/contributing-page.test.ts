import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const read = (file: string): string => readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8');

test('CONTRIBUTING.md lists exactly the npm scripts', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const table = /\| `npm run …`.*?\n\n/s.exec(read('CONTRIBUTING.md'))?.[0] ?? '';
  const rows = table.split('\n').slice(2);
  const described = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([\w:]+)`/g)].map(([, name]) => name),
  );
  expect(described.toSorted()).toEqual(Object.keys(scripts).toSorted());
});

test('CONTRIBUTING.md names only files that exist', () => {
  const named = read('CONTRIBUTING.md').matchAll(/`((?:src|test|docs|packaging|deploy)\/[\w./-]+)`/g);
  const files = [...named].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThan(15);
  expect(files.filter((file) => !existsSync(path.resolve(import.meta.dirname, '../..', file)))).toEqual([]);
});
