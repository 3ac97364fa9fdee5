import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, run } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let clean: Record<string, string>;

beforeAll(async () => {
  workshop = await Workshop.open();
  clean = {
    HOME: workshop.directory,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:9911',
    AWS_REGION: 'eu-central-1',
    AWS_DEFAULT_REGION: 'eu-central-1',
  };
  return workshop.close;
});

const check = (env: Record<string, string>, ...args: string[]): Promise<Outcome> =>
  run(['env', '--check', ...args], { env });

/** The variables that `env` printed. */
const variablesIn = (shown: string): Record<string, string> =>
  Object.fromEntries(shown.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));

const IN_THE_WAY = {
  AWS_ACCESS_KEY_ID: 'AKIA1',
  AWS_SECRET_ACCESS_KEY: 'marked',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/x',
  AWS_PROFILE: 'gone',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'https://127.0.0.1:9911/',
  AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'dual',
  HTTP_PROXY: 'http://proxy.example',
  NO_PROXY: 'x.example',
};

describe('env --check', () => {
  test('reports that it found nothing, with code 0', async () => {
    expect(await check(clean)).toEqual({
      code: 0,
      stdout: 'nothing keeps programs from http://127.0.0.1:9911\n',
      stderr: '',
    });
  });

  test('exits with 1 if it finds something; the printed lines fix all of it', async () => {
    const found = await check({ HOME: workshop.directory, ...IN_THE_WAY });
    expect(found.code).toBe(1);
    expect(found.stderr).toContain('ENV_IN_THE_WAY: 9 settings keep programs from');
    expect(found.stdout + found.stderr).not.toContain('marked');
    const lines = [...found.stdout.matchAll(/^ {2}fix: (.*)$/gm)].map(([, line]) => line);
    const shown = execFileSync('/bin/sh', ['-ec', `${lines.join('\n')}\nenv`], {
      env: { HOME: workshop.directory, ...IN_THE_WAY },
      encoding: 'utf8',
    });
    expect(await check(variablesIn(shown))).toMatchObject({ code: 0, stderr: '' });
  });

  test('reads the files in variables', async () => {
    const file = await workshop.write(
      'credentials',
      '[default]\naws_access_key_id = AKIA\naws_secret_access_key = marked\n',
    );
    const { code, stdout } = await check({ ...clean, AWS_SHARED_CREDENTIALS_FILE: file });
    expect(code).toBe(1);
    expect(stdout).toContain(`ENV_PROFILE_CREDENTIALS: [default] in ${file} has access keys`);
  });

  test('compares with the endpoint of a configuration', async () => {
    const { stdout } = await check(clean, '--config', 'config.example.yaml', '--role', 'reader', '--shell', 'fish');
    expect(stdout).toContain('fix: set -gx AWS_EC2_METADATA_SERVICE_ENDPOINT http://127.0.0.1:9912\n');
  });
});

describe('for a client of the container endpoint', () => {
  /** None of its roles has an IMDS endpoint. */
  const configuration = async (): Promise<string> => {
    const roles = 'roles:\n  - { name: one, imds: false, roleArn: arn:aws:iam::123456789012:role/One }\n';
    const example = (await readFile('config.example.yaml', 'utf8')).replace(/^roles:[^]*?(?=^# Container)/m, roles);
    const endpoint =
      'container: { listen: 127.0.0.1:9913, tokens: [{ client: app, roles: [one], file: my app.token }] }';
    return workshop.write('container.yaml', `${example}\n${endpoint}\n`);
  };

  test('checks the way to it; the lines that `env` prints fix it, even with a space in a path', async () => {
    const asked = ['--config', await configuration(), '--client', 'app'];
    const lost = await check(clean, ...asked);
    expect(lost).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^ENV_CONTAINER_UNSET: .* is not set\n/) as string,
    });
    const { stdout } = await run(['env', ...asked]);
    const shown = execFileSync('/bin/sh', ['-ec', `${stdout}\nenv`], { env: clean, encoding: 'utf8' });
    expect(shown).toContain(`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=${workshop.directory}/my app.token\n`);
    const withoutDaemon = await check(variablesIn(shown), ...asked);
    expect(withoutDaemon.stdout).toMatch(/^ENV_CONTAINER_TOKEN_UNREADABLE: .*my app\.token.*\(ENOENT\)\n/);
    await workshop.write('my app.token', 'a token');
    expect(await check(variablesIn(shown), ...asked)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('check-config', () => {
  test('reports what remains a problem after the lines of `env`', async () => {
    const emulator = await workshop.emulator();
    const config = await workshop.write('config.yaml', emulator.config);
    const without = await run(['check-config', config], { env: clean });
    expect(without.stdout).not.toContain('ENV_');
    const outcome = await run(['check-config', config], { env: { HOME: workshop.directory, ...IN_THE_WAY } });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const codes = [...outcome.stdout.matchAll(/ENV_[A-Z_]+/g)].map(([code]) => code);
    expect(codes).toContain('ENV_STATIC_KEYS');
    expect(codes).not.toContain('ENV_ENDPOINT_HTTPS');
    expect(codes).not.toContain('ENV_PROXY');
  });

  test('does not require a token that the daemon has not written yet', async () => {
    const emulator = await workshop.emulator();
    const onlyContainer = emulator.config.replace(/^( {2}- roleArn: .*)$/m, '$1\n    name: one\n    imds: false');
    const file = path.join(workshop.directory, 'not-yet.token');
    const endpoint = `container: { listen: 127.0.0.1:9913, tokens: [{ client: app, roles: [one], file: ${file} }] }`;
    const config = await workshop.write('not-yet.yaml', `${onlyContainer}\n${endpoint}\n`);
    const { code, stdout } = await run(['check-config', config], { env: clean });
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('ENV_CONTAINER')]);
  });
});
