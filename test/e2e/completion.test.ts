import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { allCommandHelp } from '../support/command-help.ts';
import { run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
const files: Record<string, string> = {};

beforeAll(async () => {
  workshop = await Workshop.open();
  for (const shell of ['bash', 'zsh', 'fish'])
    files[shell] = await workshop.write(`completion.${shell}`, (await run(['completion', shell])).stdout);
  return workshop.close;
});

test.each(['bash', 'zsh', 'fish'])('%s completes every command and every option of the help', async (shell) => {
  const { stdout: script } = await run(['completion', shell]);
  const commands = await allCommandHelp();
  expect(commands.map(({ name }) => name)).toContain('serve');
  expect(commands.flatMap(({ flags }) => flags).length).toBeGreaterThan(40);
  for (const { name, flags } of commands.filter(({ name }) => name !== 'help')) {
    const lines = script.split('\n').filter((line) => new RegExp(`(^|[\\s"'])${name}[\\s")':]`).test(line));
    for (const flag of flags) expect(lines.join('\n')).toContain(shell === 'fish' ? ` -l ${flag.slice(2)} ` : flag);
  }
});

test('another shell is rejected', async () => {
  expect((await run(['completion', 'tcsh'])).code).toBe(2);
});

describeWith('bash', hasTool('bash', '--version'), 'bash', () => {
  const offers = (...words: string[]): string[] => {
    const script =
      'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imds_anywhere; echo "${COMPREPLY[*]}"';
    const args = ['--norc', '-c', script, 'bash', files['bash'] ?? '', 'imds-anywhere', ...words];
    return execFileSync('bash', args, { encoding: 'utf8' }).trim().split(' ').filter(Boolean);
  };

  it.each([
    [['se'], ['serve']],
    [['serve', '--por'], ['--port']],
    [
      ['env', '--shell', ''],
      ['sh', 'bash', 'zsh', 'fish', 'powershell', 'dotenv'],
    ],
    [['env', '--shell', 'po'], ['powershell']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['serve', '--config', ''], []],
    [['serve', ''], []],
    [['nonsense', '--'], []],
  ])('offers after %j: %j', (words, offered) => {
    expect(offers(...words)).toEqual(offered);
  });
});

describe('syntax', () => {
  describeWith('zsh', hasTool('zsh', '--version'), 'of zsh', () => {
    it('is valid', () => {
      execFileSync('zsh', ['-n', files['zsh'] ?? '']);
    });
  });

  describeWith('fish', hasTool('fish', '--version'), 'of fish', () => {
    it('is valid, and offers existing commands', () => {
      const script = `source ${path.basename(files['fish'] ?? '')}; complete -C 'imds-anywhere env --sh'`;
      const offered = execFileSync('fish', ['--no-config', '-c', script], {
        cwd: workshop.directory,
        encoding: 'utf8',
      });
      expect(offered).toMatch(/^--shell\t/);
    });
  });
});
