import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { completed, type Given } from '../../src/setup/questions.ts';
import { PROGRAM } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';

/** Answers each question by the first word that it contains. */
async function answeredBy(answers: Readonly<Record<string, readonly string[]>>, given: Given = {}) {
  const left = Object.entries(answers).map(([word, lines]): [string, string[]] => [word, [...lines]]);
  const questions: string[] = [];
  const result = await completed(given, (question) => {
    questions.push(question);
    return Promise.resolve(left.find(([word]) => question.includes(word))?.[1].shift() ?? '');
  });
  return { result, questions };
}

test('a terminal is asked only what matters, until the answer fits; empty takes what is usual', async () => {
  const { result, questions } = await answeredBy({
    'Which CA': ['', 'mine', 'new'],
    'Where do': ['systemd'],
    Region: ['Frankfurt', 'eu-central-1'],
    Seconds: ['43201', '43200'],
  });
  expect(result).toEqual({
    ...{ ca: 'new', name: 'devices', role: 'devices', runsOn: 'systemd', subject: 'OU=Devices' },
    ...{ region: 'eu-central-1', duration: '43200', permissions: undefined },
  });
  expect(questions).toHaveLength(12);
  expect(questions.join('\n')).not.toMatch(/PEM file|private CA|Which certificates/);
});

test('a certificate of a machine replaces the question about the subject', async () => {
  const { result, questions } = await answeredBy({
    'Which CA': ['bundle'],
    'PEM file': ['ca.pem'],
    'Certificate of one': ['device.pem'],
    'Which certificates': ['subject-ou'],
    'Where do': ['ci'],
    Region: ['us-gov-west-1'],
  });
  expect(result).toMatchObject({ caBundle: 'ca.pem', certificate: 'device.pem', for: 'subject-ou' });
  expect(result.subject).toBeUndefined();
  expect(questions.join('\n')).not.toContain('Subject');
});

test.each([
  [{ ca: 'step-ca' }, 'CN=device-*'],
  [{ ca: 'vault' }, 'OU=Devices'],
  [{ ca: 'bundle', caBundle: 'ca.pem', runsOn: 'kubernetes', name: 'shop' }, 'CN=shop'],
])('%j: the usual subject is %s', async (given, subject) => {
  const complete = await completed({ runsOn: 'ci', region: 'eu-central-1', ...given }, undefined);
  expect(complete.subject).toBe(subject);
});

const hasTerminal = hasTool('script', '--version');
describeWith('script', hasTerminal, 'a terminal', () => {
  test('asks, and the answers are those of the options', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-init-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const answers = ['new', 'shop', 'ci', 'OU=Shop', 'eu-central-1', '', '', ''];
    const shown = execFileSync(
      'script',
      ['-qec', `"${process.execPath}" "${PROGRAM}" init "${directory}"`, '/dev/null'],
      {
        input: answers.map((answer) => `${answer}\n`).join(''),
        encoding: 'utf8',
        timeout: 60_000,
        env: { PATH: process.env['PATH'], HOME: directory, SHELL: '/bin/sh', TERM: 'dumb' },
      },
    );
    expect(shown).toContain('Which CA issues the certificates?');
    expect(await readFile(path.join(directory, 'trust-policy.json'), 'utf8')).toContain('"Shop"');
    expect(await readFile(path.join(directory, 'main.tf'), 'utf8')).toContain('"shop"');
  });

  test('ends when the input ends', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-init-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const command = `"${process.execPath}" "${PROGRAM}" init "${directory}"; echo "code $?"`;
    const shown = execFileSync('script', ['-qec', command, '/dev/null'], {
      input: 'new\n\x04',
      encoding: 'utf8',
      timeout: 60_000,
      env: { PATH: process.env['PATH'], HOME: directory, SHELL: '/bin/sh', TERM: 'dumb' },
    });
    expect(shown).toMatch(/SETUP_ANSWER_MISSING[^]*code 2/);
  });
});
