import { spawnSync } from 'node:child_process';
import { lstat, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CALL } from '../pasting/pasting.ts';
import { eventually, type Outcome, run, type RunningProgram } from '../support/program.ts';
import { hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;
let config: string;
let socket: string;
let daemon: RunningProgram;

/** The configuration of an emulator with a socket and no other endpoint. */
function onSocket(file: string): string {
  return emulator.config
    .replace(/^( {2}- roleArn: .*)$/m, '$1\n    name: device\n    imds: false')
    .concat(`\nsocket: { path: ${file} }\n`);
}

async function serving(file: string): Promise<RunningProgram> {
  const program = workshop.start(['serve', file]);
  await program.says(/"serving"/);
  return program;
}

/** HOME is the test's directory, for sessions that are not shared. */
const get = (...args: readonly string[]): Promise<Outcome> =>
  run(['credential-process', ...args], { env: { HOME: workshop.directory } });

/** Waits until the daemon has its session. */
async function shared(...args: readonly string[]): Promise<Outcome> {
  return eventually('a session of the daemon', 15_000, async () => {
    const outcome = await get(...args);
    return outcome.code === 0 ? outcome : undefined;
  });
}

const keyOf = ({ stdout }: Outcome): unknown => (JSON.parse(stdout) as Record<string, unknown>)['AccessKeyId'];

async function calls(): Promise<number> {
  const answer = await (await fetch(`${emulator.url}/_emulator/calls`)).json();
  return (answer as { createSession: { total: number } }).createSession.total;
}

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  socket = path.join(workshop.directory, 'run', 'endpoint.sock');
  config = await workshop.write('config.yaml', onSocket(socket));
  daemon = await serving(config);
  return workshop.close;
});

describe('credential-process with a daemon', () => {
  test('prints the session of the daemon, found by config, name, ARN or alone, without another call', async () => {
    const [, arn = ''] = /roleArn: (\S+)/.exec(emulator.config) ?? [];
    const first = await shared('--socket', socket);
    const before = await calls();
    const document: unknown = JSON.parse(first.stdout);
    expect(document).toEqual({
      Version: 1,
      AccessKeyId: expect.stringMatching(/^ASIA/) as string,
      SecretAccessKey: expect.any(String) as string,
      SessionToken: expect.any(String) as string,
      Expiration: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
    });
    for (const args of [
      ['--config', config],
      ['--socket', socket, '--role', 'device'],
      ['--socket', socket, '--role', arn],
    ])
      expect(await get(...args)).toEqual(first);
    expect(await calls()).toBe(before);
  });

  test('prints the same as curl with the line of env, and an SDK gets it from a profile', async ({ skip }) => {
    if (!hasTool('curl', '--version')) skip('left out: no curl');
    await shared('--socket', socket);
    // `env` needs an IMDS endpoint too.
    const withImds = (await readFile(config, 'utf8')).replace('imds: false', 'imds: { listen: 127.0.0.1:9911 }');
    const { stdout } = await run(['env', '--config', await workshop.write('for-env.yaml', withImds)]);
    const [, line = ''] = /^# .*: (credential_process = curl .*)$/m.exec(stdout) ?? [];
    expect(line).toContain(socket);
    const profile = await workshop.write('aws-config', `[default]\nregion = eu-central-1\n${line}\n`);
    const environment = { AWS_CONFIG_FILE: profile, AWS_SHARED_CREDENTIALS_FILE: '/dev/null' };
    const {
      status,
      stdout: identity,
      stderr,
    } = spawnSync(process.execPath, ['--no-warnings', CALL], {
      env: { PATH: process.env['PATH'], HOME: workshop.directory, AWS_ENDPOINT_URL_STS: emulator.url, ...environment },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(identity).toContain('assumed-role');
  });

  test('gets it with the flags of the AWS helper too, if the socket is given', async () => {
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    const flags = [
      ...['--certificate', value('certificate'), '--private-key', value('privateKey')],
      ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ...['--role-arn', value('roleArn'), '--endpoint', emulator.url],
    ];
    const held = keyOf(await shared('--socket', socket));
    expect(keyOf(await get(...flags, '--socket', socket))).toBe(held);
    expect(keyOf(await get(...flags, '--socket', `${socket}.none`))).not.toBe(held);
  });

  test('reports the problem if the daemon is its only source', async () => {
    const missing = await get('--socket', `${socket}.none`);
    expect([missing.code, missing.stdout, missing.stderr]).toEqual([
      1,
      '',
      expect.stringContaining('DAEMON_NOT_THERE'),
    ]);
    const other = await get('--socket', socket, '--role', 'other');
    expect([other.code, other.stdout, other.stderr]).toEqual([1, '', expect.stringContaining('answers 404 for other')]);
  });

  test.each([
    'hello',
    'null',
    '{"AccessKeyId":"ASIAFORGED"}',
    ...['soon', '2020-01-01T00:00:00Z'].map((Expiration) =>
      JSON.stringify({ AccessKeyId: 'ASIA', SecretAccessKey: 'x', Token: 'x', RoleArn: 'x', Expiration }),
    ),
  ])('accepts no session from a server that answers %s', async (answer) => {
    const file = path.join(workshop.directory, 'foreign.sock');
    const server: Server = createServer((_, response) => response.end(answer)).listen(file);
    onTestFinished(() => void server.close());
    const { code, stdout, stderr } = await get('--socket', file);
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('DAEMON_REFUSED')]);
  });

  test('makes its own call if another program answers, or hangs up', async () => {
    const file = path.join(workshop.directory, 'other.sock');
    let asked = 0;
    const server: Server = createServer((_, response) => {
      asked += 1;
      if (asked === 1) response.end('{"AccessKeyId":"ASIAFORGED"}');
      else response.destroy();
    }).listen(file);
    onTestFinished(() => void server.close());
    const mine = await workshop.write('mine.yaml', onSocket(file));
    for (const expected of [1, 2]) {
      expect(keyOf(await get('--config', mine))).toMatch(/^ASIA[A-Z2-7]{16}$/);
      expect(asked).toBe(expected);
    }
  });
});

describe('the socket', () => {
  test('is accessible for the user of the daemon and for root', async () => {
    const stats = await lstat(socket);
    expect([stats.isSocket(), stats.mode & 0o777]).toEqual([true, 0o600]);
  });

  test('of a running daemon is not replaced', async () => {
    const second = await run(['serve', config]);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('SOCKET_IN_USE')]);
    if (process.platform === 'linux') expect(second.stderr).toContain(`process ${daemon.pid} `);
    expect((await shared('--socket', socket)).code).toBe(0);
  });

  test('of a killed daemon is replaced', async () => {
    await daemon.stop('SIGKILL');
    expect((await lstat(socket)).isSocket()).toBe(true);
    expect((await get('--socket', socket)).stderr).toContain('DAEMON_NOT_THERE');
    const next = await serving(config);
    expect((await shared('--socket', socket)).code).toBe(0);
    await next.stop();
    await expect(lstat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.each([
    ['a file', (file: string) => writeFile(file, 'precious')],
    ['a link', (file: string) => symlink(path.join(workshop.directory, 'config.yaml'), file)],
  ])('never replaces %s', async (name, make) => {
    const file = path.join(workshop.directory, `${name.replace(' ', '-')}.sock`);
    await make(file);
    const before = await readFile(file, 'utf8');
    const refused = await run(['serve', await workshop.write('foreign.yaml', onSocket(file))]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('SOCKET_IN_USE')]);
    expect(await readFile(file, 'utf8')).toBe(before);
  });
});
