import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, test } from 'vitest';
import { allCommandHelp } from '../support/command-help.ts';
import { describeWith, hasTool } from '../support/tools.ts';

const PAGE = path.resolve(import.meta.dirname, '../../packaging/imds-anywhere.1');

test('the manual page has every command and every option of the help', async () => {
  const text = readFileSync(PAGE, 'utf8').replaceAll('\\-', '-');
  for (const { name, flags } of await allCommandHelp()) {
    expect(text).toMatch(new RegExp(`^\\.B[RI]? ${name}\\b`, 'm'));
    for (const flag of flags) expect(text).toContain(flag);
  }
});

describeWith('man', hasTool('man', '--version'), 'man', () => {
  it('reports no problem in the manual page', () => {
    const formatted = spawnSync('man', ['--warnings', '--encoding=UTF-8', '--local-file', '-Tutf8', '-Z', PAGE], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' },
    });
    expect(formatted).toMatchObject({ status: 0, stderr: '' });
    expect(formatted.stdout).toContain('imds');
  });
});
