import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { eventually, type Outcome, run } from '../support/program.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let config: string;
/** Its sessions expire after seconds. */
let short: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  config = await workshop.write('config.yaml', emulator.config);
  short = await workshop.write('short.yaml', (await workshop.emulator('--grant-seconds', '6')).config);
  return workshop.close;
});

const keyIn = (text: string): string | undefined => /^aws_access_key_id = (ASIA\w+)$/m.exec(text)?.[1];

test('--once writes the profile, which an SDK then uses, and keeps the rest', async () => {
  const text = '# mine\n[other]\naws_access_key_id = AKIA1\n\n[device]\nregion = eu-central-1';
  const file = await workshop.write('once', text);
  const env = { HOME: workshop.directory, AWS_SHARED_CREDENTIALS_FILE: file };
  const outcome = await run(['update', '--once', '--config', config, '--profile', 'device'], { env });
  expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
  const written = await readFile(file, 'utf8');
  expect(written.replace(/^aws_(access_key_id = ASIA|secret_access_key|session_token).*\n/gm, '')).toBe(text);
  const script = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
    console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn)`;
  const sdk = { ...env, AWS_PROFILE: 'device', AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL_STS: emulator.url };
  const arn = await new Promise((resolve) => {
    const cwd = path.resolve(import.meta.dirname, '../..');
    execFile(process.execPath, ['--input-type=module', '-e', script], { env: sdk, cwd }, (error, stdout) => {
      resolve(error ? error.message : stdout);
    });
  });
  expect(arn).toMatch(/^arn:aws:sts::\d{12}:assumed-role\//);
});

test.each([
  ['a line that is no setting', 'garbage\n[default]\n', 'line 1: neither a section nor a setting; boto3, AWS CLI'],
  ['the profile twice', '[default]\n[x]\n[default]\n', '[default] is there a second time; boto3, AWS CLI'],
  ['a byte order mark', '\uFEFF[default]\n', 'line 1: it begins with a byte order mark; boto3, AWS CLI'],
])('a file with %s is written, with a warning', async (_name, text, reason) => {
  const file = await workshop.write('faulty', text);
  const env = { HOME: workshop.directory, AWS_SHARED_CREDENTIALS_FILE: file };
  const outcome = await run(['update', '--once', '--config', config], { env });
  expect(outcome).toMatchObject({ code: 0, stdout: '' });
  expect(outcome.stderr).toContain(`warning ENV_FILE_MALFORMED: ${file}, `);
  expect(outcome.stderr).toContain(reason);
  expect(keyIn(await readFile(file, 'utf8'))).toBeDefined();
  const program = workshop.start(['update', '--config', config], { env });
  await program.says(/ENV_FILE_MALFORMED/);
  const { stderr } = await program.stop();
  expect(stderr.match(/ENV_FILE_MALFORMED/g)).toHaveLength(1);
});

test('it keeps the profile fresh until SIGTERM', async () => {
  const home = path.join(workshop.directory, 'home');
  const file = path.join(home, '.aws/credentials');
  const program = workshop.start(['update', '--config', short], { env: { HOME: home } });
  const read = (): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const first = await eventually('a first session', 20_000, async () => keyIn(await read()));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await eventually('another one', 20_000, async () => (keyIn(await read()) === first ? undefined : true));
  const { code, stdout, stderr } = await program.stop();
  expect([code, stdout]).toEqual([0, '']);
  const [, secret = ''] = /aws_secret_access_key = (\S+)/.exec(await read()) ?? [];
  expect(secret).not.toBe('');
  expect(stderr).not.toContain(secret);
});

test('concurrent updates lose nothing', async () => {
  const file = await workshop.write('shared', '[other]\nx = y\n');
  const env = { HOME: workshop.directory, AWS_SHARED_CREDENTIALS_FILE: file };
  const names = Array.from({ length: 10 }, (_, at) => `device-${at}`);
  const update = (name: string): Promise<Outcome> =>
    run(['update', '--once', '--config', config, '--profile', name], { env });
  const outcomes = await Promise.all(names.map(update));
  expect(outcomes).toEqual(names.map(() => ({ code: 0, stdout: '', stderr: '' })));
  const sections = [...(await readFile(file, 'utf8')).matchAll(/^\[(.*)\]$/gm)].map(([, name]) => name);
  expect(sections.sort()).toEqual([...names, 'other']);
});

test('--once reports why it failed, and keeps the file', async () => {
  const file = await workshop.write('unchanged', '[default]\nx = y\n');
  const wrong = emulator.config.replace(/profile\/[0-9a-f-]+/, 'profile/00000000-0000-0000-0000-000000000000');
  const args = ['update', '--once', '--no-cache', '--config', await workshop.write('wrong.yaml', wrong)];
  const outcome = await run(args, { env: { AWS_SHARED_CREDENTIALS_FILE: file } });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('RA_PROFILE_INVALID');
  expect(await readFile(file, 'utf8')).toBe('[default]\nx = y\n');
});

test.each(['a b', '[x]', 'x\ny'])('%j is not a profile name', async (profile) => {
  expect(await run(['update', '--once', '--config', config, '--profile', profile])).toMatchObject({
    code: 2,
    stdout: '',
  });
});
