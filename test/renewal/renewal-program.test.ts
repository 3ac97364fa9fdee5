import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { answerOf, askProgram } from '../../src/renewal/renewal-program.ts';
import { recordingLog } from '../sessions/support.ts';

let directory: string;
let programs = 0;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-renewal-'));
  return () => rm(directory, { recursive: true, force: true });
});

/** Runs a shell script with a request. */
async function answer(lines: readonly string[], timeout = 20) {
  const file = path.join(directory, `renew-${(programs += 1)}`);
  await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'));
  await chmod(file, 0o700);
  const { log, lines: logged } = recordingLog();
  const renew = { command: [file], at: 0.66, timeout, environment: ['PASSED'], rekey: false } as const;
  const environment = { PATH: process.env['PATH'], PASSED: 'yes', KEPT: 'secret' };
  const outcome = await askProgram(environment)(renew, 'the request\n', new AbortController().signal);
  return { text: () => answerOf(outcome, renew, log), logged };
}

test('standard input and output are files, opened by name or not', async () => {
  const { text } = await answer(['cat /dev/stdin >/dev/stdout', 'echo "$PASSED $KEPT"']);
  expect(text()).toBe('the request\nyes \n');
});

test('the end of its standard error goes to the log, 2 kB at most', async () => {
  const { text, logged } = await answer([
    'head -c 9000 /dev/zero | tr "\\0" x >&2',
    'echo >&2',
    'echo the last line >&2',
  ]);
  text();
  const output = String(logged[0]?.fields['output']);
  expect(output).toMatch(/xxx\nthe last line$/);
  expect(output.length).toBeLessThanOrEqual(2_048);
});

test.each<[string, readonly string[]]>([
  ['RENEWAL_PROGRAM_FAILED', ['echo no >&2', 'exit 3']],
  ['RENEWAL_PROGRAM_FAILED', ['kill -KILL $$']],
  ['RENEWAL_TOO_MUCH_OUTPUT', ['head -c 1048577 /dev/zero']],
  ['RENEWAL_TIMEOUT', ['sleep 60 & sleep 60']],
])('%s', async (code, lines) => {
  const { text } = await answer(lines, code === 'RENEWAL_TIMEOUT' ? 1 : 20);
  expect(text).toThrow(expect.objectContaining({ code }) as Error);
});

test('a program that cannot be started', async () => {
  const { log } = recordingLog();
  const renew = {
    command: [path.join(directory, 'missing')],
    at: 0.66,
    timeout: 9,
    environment: [],
    rekey: false,
  } as const;
  const outcome = await askProgram({})(renew, '', new AbortController().signal);
  expect(() => answerOf(outcome, renew, log)).toThrow(
    expect.objectContaining({ code: 'RENEWAL_PROGRAM_MISSING' }) as Error,
  );
});

test('no place for its files', () => {
  const { log } = recordingLog();
  const renew = { command: ['/bin/true'], at: 0.66, timeout: 9, environment: [], rekey: false } as const;
  const outcome = { kind: 'no-space', cause: new Error('/tmp has less than 9 bytes free') } as const;
  expect(() => answerOf(outcome, { ...renew, command: ['/bin/true'] }, log)).toThrow(
    expect.objectContaining({ code: 'RENEWAL_NO_SPACE' }) as Error,
  );
});
