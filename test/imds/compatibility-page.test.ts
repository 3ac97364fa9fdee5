import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/imds-compatibility.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| (\d+) \|.*\| (?:([\w-]+) )?\|$/gm)].map(([row, number, file]) => ({
  row,
  number: Number(number),
  file,
}));

/** Case number -> the files with a test of that number. */
function testedCases(): Map<number, Set<string>> {
  const cases = new Map<number, Set<string>>();
  const directory = new URL('./', import.meta.url);
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.test.ts'))) {
    const source = readFileSync(new URL(name, directory), 'utf8');
    for (const [, number] of source.matchAll(/['`]case (\d+): /g)) {
      const files = cases.get(Number(number)) ?? new Set();
      cases.set(Number(number), files.add(name.replace('.test.ts', '')));
    }
  }
  return cases;
}

describe('docs/imds-compatibility.md', () => {
  it('has the 43 cases in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 43 }, (_, at) => at + 1));
  });

  it('names for each case of this door the file that tests it, and for no other', () => {
    const tested = testedCases();
    for (const { number, file } of rows) {
      expect([number, [...(tested.get(number) ?? [])]]).toEqual([number, file === undefined ? [] : [file]]);
    }
    expect(tested.size).toBe(38);
  });

  it('says when the others come', () => {
    const missing = rows.filter(({ file }) => file === undefined);
    expect(missing.map(({ number }) => number)).toEqual([39, 40, 41, 42, 43]);
    for (const { row } of missing) expect(row).toContain('comes with the container door');
  });
});
