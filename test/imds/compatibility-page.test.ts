import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/imds-compatibility.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| (\d+) \|.*\| ([\w-]+) \|$/gm)].map(([, number, file]) => ({
  number: Number(number),
  file,
}));

/** Case number -> the files with a test of that number. */
function testedCases(): Map<number, Set<string>> {
  const cases = new Map<number, Set<string>>();
  for (const room of ['./', '../container/', '../conformance/']) {
    const directory = new URL(room, import.meta.url);
    for (const name of readdirSync(directory).filter((file) => file.endsWith('.test.ts'))) {
      const source = readFileSync(new URL(name, directory), 'utf8');
      for (const [, number] of source.matchAll(/['`]case (\d+): /g)) {
        const files = cases.get(Number(number)) ?? new Set();
        cases.set(Number(number), files.add(name.replace('.test.ts', '')));
      }
    }
  }
  return cases;
}

describe('docs/imds-compatibility.md', () => {
  it('has the 43 cases in order', () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 43 }, (_, at) => at + 1));
  });

  it('names for each case the one file that tests it', () => {
    const tested = testedCases();
    for (const { number, file } of rows) expect([number, [...(tested.get(number) ?? [])]]).toEqual([number, [file]]);
  });
});
