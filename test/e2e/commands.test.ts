import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run } from '../support/program.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let config: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  config = await workshop.write('config.yaml', emulator.config);
  return workshop.close;
});

describe('credential-process', () => {
  test('prints the document and nothing else', async () => {
    const outcome = await run(['credential-process', '--no-cache', '--config', config]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toEqual({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/) as string,
      SecretAccessKey: expect.any(String) as string,
      SessionToken: expect.any(String) as string,
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
    });
  });

  test('takes the flags of the AWS helper', async () => {
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    const outcome = await run([
      'credential-process',
      '--no-cache',
      ...['--certificate', value('certificate'), '--private-key', value('privateKey')],
      ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ...['--role-arn', value('roleArn'), '--endpoint', emulator.url, '--with-proxy'],
    ]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });

  test('a refusal goes to standard error, with code 1 and nothing on standard output', async () => {
    const wrong = emulator.config.replace(/profile\/[0-9a-f-]+/, 'profile/00000000-0000-0000-0000-000000000000');
    const outcome = await run([
      'credential-process',
      '--no-cache',
      '--config',
      await workshop.write('wrong.yaml', wrong),
    ]);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('RA_PROFILE_INVALID');
  });
});

test('the password of a proxy is not printed, even if DEBUG makes its library log', async () => {
  const regional = await workshop.write('regional.yaml', emulator.config.replace(/ {2}endpoint: .*\n/, ''));
  const env = { HTTPS_PROXY: 'http://user:marked-password@127.0.0.1:1', DEBUG: '*' };
  const outcome = await run(['credential-process', '--no-cache', '--config', regional], { env });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain('RA_CONNECTION_REFUSED');
  expect(outcome.stderr).toContain('127.0.0.1:1');
  expect(outcome.stderr).not.toContain('marked-password');
});

test('hints name a command that works: by its name if PATH has it, otherwise by Node and its file', async () => {
  const empty = await workshop.write('empty.yaml', '{}');
  const hintWith = async (PATH: string): Promise<string | undefined> => {
    const { stderr } = await run(['check-config', empty], { env: { PATH } });
    return /`(.*) check-config FILE`/.exec(stderr)?.[1];
  };
  expect(await hintWith('/usr/bin:/bin')).toBe('node dist/main.js');
  await chmod(await workshop.write('imds-anywhere', '#!/bin/sh\n'), 0o755);
  expect(await hintWith(`/usr/bin:${workshop.directory}`)).toBe('imds-anywhere');
});

test('in a directory that was removed, a command works or fails with a code', () => {
  const inRemoved = (...args: readonly string[]): string => {
    const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && shift && exec "$@"';
    const main = path.resolve('dist/main.js');
    const words = ['-c', script, 'sh', 'x', process.execPath, main, ...args];
    const { status, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
    return `${status} ${/imds-anywhere: ([A-Z_]+)/.exec(stderr)?.[1] ?? stderr}`;
  };
  expect(inRemoved('credential-process', '--no-cache', '--config', config)).toBe('0 ');
  expect(inRemoved('check-config', config)).toBe('0 ');
  expect(inRemoved('check-config', 'config.yaml')).toBe('2 CONFIG_UNREADABLE');
  expect(inRemoved('csr', '--private-key', 'device.key', '--subject', 'CN=x')).toBe('1 WORKING_DIRECTORY_GONE');
  expect(inRemoved('frobnicate')).toBe('2 COMMAND_LINE_INVALID');
});

describe('an answer that cannot be written', () => {
  const commands = (): Readonly<Record<string, readonly string[]>> => ({
    'credential-process': ['credential-process', '--no-cache', '--config', config],
    env: ['env', '--config', config],
    'check-config': ['check-config', config],
    completion: ['completion', 'bash'],
    version: ['version'],
    '--version': ['--version'],
    '--help': ['--help'],
    'the help of a command': ['serve', '--help'],
  });

  const codeOf = (name: string, redirection: string): string => {
    const command = ['sh', process.execPath, 'dist/main.js', ...(commands()[name] ?? [])];
    const { status, stderr } = spawnSync('sh', ['-c', `"$@" ${redirection}`, ...command], { encoding: 'utf8' });
    return `${status} ${/[A-Z]+_[A-Z_]+/.exec(stderr)?.[0] ?? ''}`;
  };

  test.each([
    ['credential-process', '1 OUTPUT_NOT_WRITTEN'],
    ['env', '1 OUTPUT_NOT_WRITTEN'],
    ['completion', '1 OUTPUT_NOT_WRITTEN'],
    // Callers may run them without standard output, because their exit code is an answer too.
    ['check-config', '0 '],
    ['version', '0 '],
    ['--version', '0 '],
    ['--help', '0 '],
    ['the help of a command', '0 '],
  ])('%s', (name, whenClosed) => {
    expect(codeOf(name, '>/dev/full')).toBe('1 OUTPUT_NOT_WRITTEN');
    expect(codeOf(name, '>&-')).toBe(whenClosed);
    expect(codeOf(name, '>/dev/null')).toBe('0 ');
  });
});

describe('check-config', () => {
  test('prints its findings', async () => {
    const outcome = await run(['check-config', config]);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain('is good');
    expect(outcome.stdout).toContain('device-0001');
  });

  test('lists every problem with its place, with code 2', async () => {
    const file = await workshop.write('bad.yaml', 'identity:\n  certificate: 1\nroles: []\nrole: 1\n');
    const outcome = await run(['check-config', file]);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('has 3 problems');
    expect(outcome.stderr).toContain('2:3  identity.certificate');
  });

  test.each([
    ['socks5://user:marked-password@127.0.0.1:1080', 'PROXY_SOCKS_UNSUPPORTED'],
    ['http://us%er:marked-password@127.0.0.1:3128', 'PROXY_MALFORMED'],
  ])('warns of the proxy %s in its environment', async (HTTPS_PROXY, code) => {
    const regional = emulator.config.replace(/^ {2}endpoint: .*\n/m, '');
    const file = await workshop.write('proxy.yaml', regional);
    const outcome = await run(['check-config', file], { env: { HTTPS_PROXY } });
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain(`warning ${code}`);
    expect(outcome.stdout).not.toContain('marked-password');
    const passed = await run(['check-config', file], { env: { HTTPS_PROXY, NO_PROXY: '.amazonaws.com' } });
    expect(passed.stdout).not.toContain(code);
  });

  test('an unreadable CA bundle is an error at its key, and a warning at its variable', async () => {
    const regional = emulator.config.replace(/^ {2}endpoint: .*$/m, '  caBundle: none.pem');
    const outcome = await run(['check-config', await workshop.write('bundle.yaml', regional)]);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/rolesAnywhere\.caBundle\n\s+CA_BUNDLE_UNREADABLE/);
    const file = await workshop.write('variable.yaml', regional.replace(/^ {2}caBundle: .*\n/m, ''));
    const warned = await run(['check-config', file], { env: { SSL_CERT_FILE: '/nonexistent.pem' } });
    expect(warned.code).toBe(0);
    expect(warned.stdout).toContain('warning CA_BUNDLE_UNREADABLE');
  });

  test('a key that does not match the certificate is reported', async () => {
    const other = await workshop.emulator();
    const mixed = emulator.config.replace(/privateKey: \S+/, `privateKey: ${other.directory}/device.key`);
    const outcome = await run(['check-config', await workshop.write('mixed.yaml', mixed)]);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('KEY_CERTIFICATE_MISMATCH');
  });

  test('lists problems of the configuration and of the identity together, each at its key', async () => {
    const wrong = emulator.config
      .replace(/certificate: \S+/, 'certificate: none.pem')
      .replace(/privateKey: (\S+)/, 'privateKey: none.key\n  passphrase: { environment: NOT_SET }')
      .replace(/roleArn: \S+/, 'roleArn: arn:aws:iam::999922223333:role/device')
      .concat('\nlog: { level: loud }\n');
    const outcome = await run(['check-config', await workshop.write('both.yaml', wrong)]);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(
      outcome.stderr.match(/^ {2}\d+:\d+ {2}.*\n {4}\w+/gm)?.map((found) => found.split(/\s+/).slice(2).join(' ')),
    ).toEqual([
      'log.level CONFIG_WRONG_VALUE',
      'roles[0].roleArn ARN_ACCOUNTS_DIFFER',
      'identity.certificate FILE_MISSING',
      'identity.privateKey FILE_MISSING',
      'identity.passphrase PASSPHRASE_VARIABLE_UNSET',
    ]);
  });
});

describe('env', () => {
  test('prints lines that a shell accepts and that keep the previous NO_PROXY', async () => {
    const { stdout } = await run(['env']);
    const shown = execFileSync('/bin/sh', ['-ec', `${stdout}\nenv`], {
      env: { NO_PROXY: 'example.com' },
      encoding: 'utf8',
    });
    expect(shown).toContain('AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911\n');
    expect(shown).toContain('AWS_EC2_METADATA_V1_DISABLED=true\n');
    expect(shown).toContain('\nNO_PROXY=example.com,127.0.0.1,localhost\n');
    expect(shown).toContain('\nno_proxy=127.0.0.1,localhost\n');
  });

  test.each([
    ['bash', 'export AWS_REGION=eu-central-1'],
    ['zsh', 'export AWS_REGION=eu-central-1'],
    ['fish', 'set -gx AWS_REGION eu-central-1'],
    ['powershell', "$env:AWS_REGION = 'eu-central-1'"],
    ['dotenv', 'AWS_REGION=eu-central-1'],
    ['sh', 'export AWS_REGION=eu-central-1'],
  ])('for %s, from a configuration with a region', async (shell, line) => {
    const outcome = await run(['env', '--config', 'config.example.yaml', '--role', 'uploader', '--shell', shell]);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout.split('\n')).toContain(line);
  });

  test('points a client of the container endpoint at it', async () => {
    const example = await readFile('config.example.yaml', 'utf8');
    const tokens = '[{ client: app, roles: [uploader], file: app.token }]';
    const file = await workshop.write(
      'container.yaml',
      `${example}\ncontainer: { listen: 127.0.0.1:9913, tokens: ${tokens} }`,
    );
    const endpoint = ['env', '--config', file, '--client'];
    const { stdout } = await run([...endpoint, 'app']);
    expect(stdout).toContain(
      'export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9913/v1/credentials/uploader\n',
    );
    expect(stdout).toContain(`export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${path.dirname(file)}/app.token\n`);
    const outcome = await run([...endpoint, 'nobody']);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('has no client nobody');
  });

  test('asks for the role if there are several', async () => {
    const outcome = await run(['env', '--config', 'config.example.yaml']);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('uploader, reader');
  });
});

describe('the command line', () => {
  test.each([
    ['serve'],
    ['credential-process'],
    ['check-config'],
    ['env'],
    ['update'],
    ['migrate'],
    ['emulate'],
    ['demo'],
    ['version'],
  ])('%s has a help page', async (command) => {
    const outcome = await run([command, '--help']);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toContain(`Usage: imds-anywhere ${command}`);
  });

  test('help prints the same', async () => {
    expect(await run(['help', 'policy'])).toEqual(await run(['policy', '--help']));
    expect(await run(['help', 'policy', 'show'])).toEqual(await run(['policy', '--help']));
    expect(await run(['help'])).toEqual(await run(['--help']));
    expect((await run(['help', 'help'])).stdout).toContain('Usage: imds-anywhere help');
  });

  test('the version is that of the package', async () => {
    const { stdout } = await run(['version']);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout });
  });

  test.each([
    { args: ['serve'], code: 'NO_CONFIGURATION' },
    { args: ['serve', '/nonexistent.yaml'], code: 'CONFIG_UNREADABLE' },
    { args: ['serve', 'config.example.yaml', '--role-arn', 'x'], code: 'TWO_CONFIGURATIONS' },
    { args: ['serve', '--pkcs8-password', 'hunter2'], code: 'FLAG_NOT_SUPPORTED' },
    { args: ['serve', '--no-verify-ssl'], code: '--ca-bundle' },
    { args: ['serve', '--certificate', 'x'], code: 'CONFIG_INVALID' },
    { args: ['frobnicate'], code: "COMMAND_LINE_INVALID: unknown command 'frobnicate'" },
    { args: ['serve', '--frobnicate'], code: "COMMAND_LINE_INVALID: unknown option '--frobnicate'" },
    { args: ['serve', '--cert', 'x'], code: 'did you mean --certificate?' },
    { args: ['serve', '--certifcate', 'x'], code: 'did you mean --certificate?' },
    { args: ['check'], code: 'did you mean check-config?' },
    { args: ['stauts'], code: 'did you mean status?' },
    { args: ['help', 'polcy'], code: "COMMAND_LINE_INVALID: unknown command 'polcy': did you mean policy?" },
    { args: ['help', 'frobnicate'], code: "COMMAND_LINE_INVALID: unknown command 'frobnicate'" },
    { args: ['policy'], code: "COMMAND_LINE_INVALID: missing required argument 'action'" },
    { args: ['doctor', 'one.yaml', 'two.yaml'], code: 'COMMAND_LINE_INVALID: too many arguments' },
    { args: ['csr'], code: 'COMMAND_LINE_INVALID: required option' },
    { args: ['status', '--socket'], code: 'COMMAND_LINE_INVALID: option' },
    { args: ['serve', '--port', 'abc'], code: 'a port' },
    { args: ['serve', '--hop-limit', 'far'], code: 'a number of hops' },
  ])('$args is rejected with code 2', async ({ args, code }) => {
    const outcome = await run(args);
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain(code);
    expect(outcome.stderr).not.toContain('hunter2');
  });
});

describe('the demo', () => {
  test('--once exits with 0 after the proof', { timeout: 90_000 }, async () => {
    const outcome = await run(['demo', '--once']);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/-> arn:aws:sts::\d{12}:assumed-role\//);
    expect(outcome.stdout).toMatch(/the SDK again: arn:aws:sts::\d{12}:assumed-role\//);
    expect(outcome.stdout).toContain('CN=device-0001');
  });
});

test.each([
  [['policy', 'show'], 'CERTIFICATE_NOT_NAMED'],
  [['doctor'], 'DOCTOR_NOTHING_NAMED'],
  [['init', '--ca', 'bundle'], 'SETUP_ANSWER_MISSING'],
  [['exec', '--config', 'none.yaml', 'true'], 'CONFIG_UNREADABLE'],
  [['exec'], 'COMMAND_LINE_INVALID'],
  [['status', '--socket'], 'COMMAND_LINE_INVALID'],
  [['doctor', 'one.yaml', 'two.yaml'], 'COMMAND_LINE_INVALID'],
  [['policy', 'shwo'], 'COMMAND_LINE_INVALID'],
  [['polcy'], 'COMMAND_LINE_INVALID'],
])('%j --json: the failure is one line of JSON', async (args, code) => {
  const { stdout, stderr } = await run([...args.slice(0, 1), '--json', ...args.slice(1)]);
  expect(stdout).toBe('');
  expect(JSON.parse(stderr)).toMatchObject({ level: 'error', code });
});

test('--json after -- is an option of the program', async () => {
  const { stderr } = await run(['exec', '--rol', 'x', '--', 'true', '--json']);
  expect(stderr).toContain('COMMAND_LINE_INVALID: unknown option');
  expect(stderr).not.toContain('{');
});
