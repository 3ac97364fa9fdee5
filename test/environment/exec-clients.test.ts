import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANY_HOST } from '../conformance/stages.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';
import { realClients, type Variables } from './witnessed-clients.ts';

// Every client signs with the session of `exec`, whatever the environment of its caller selects.

const KEYS = 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = marked\n';
const CLIENTS = realClients();
const missing = CLIENTS.filter(({ isInstalled }) => !isInstalled).map(({ client }) => client);

let workshop: Workshop;
let emulator: RunningEmulator;
let config: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator(...ANY_HOST);
  config = await workshop.write('config.yaml', emulator.config);
  await mkdir(path.join(workshop.directory, '.aws'));
  await workshop.write('.aws/credentials', `[default]\n${KEYS}[work]\n${KEYS}`);
  await workshop.write('.aws/config', '[default]\nregion = us-east-1\ncredential_process = false\n');
  await workshop.write('.boto', `[Credentials]\n${KEYS}`);
});
afterAll(() => workshop.close());

/** The environment of a program under `exec`, which runs until the end of the test file. */
async function variablesUnder(flags: readonly string[], caller: Variables): Promise<Variables> {
  const file = path.join(workshop.directory, `variables-${flags.length}`);
  const script = `env -0 > ${file}.new && mv ${file}.new ${file} && exec sleep 600`;
  workshop.start(['exec', '--config', config, ...flags, '--', 'sh', '-c', script], { env: caller });
  const text = await eventually('variables', 30_000, () => readFile(file, 'utf8').catch(() => undefined));
  const pairs = text.split('\0').filter(Boolean);
  const all = pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const);
  return Object.fromEntries(all.filter(([name]) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)));
}

describeWith(missing.join(', '), missing.length === 0, 'exec, with every client', () => {
  test.each([[[]], [['--env']]])('%j', { timeout: 180_000 }, async (flags) => {
    const variables = await variablesUnder(flags, {
      HOME: workshop.directory,
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'marked',
      AWS_PROFILE: 'work',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent',
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/x',
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/elsewhere',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/nonexistent',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      http_proxy: 'http://127.0.0.1:1',
    });
    // The calls to the emulator must not use the proxy, which does not exist.
    const withoutProxy = Object.fromEntries(Object.entries(variables).filter(([name]) => name !== 'http_proxy'));
    const results: unknown[] = [];
    for (const { client, call } of CLIENTS) {
      const { worked, said } = await call(withoutProxy, emulator.url);
      if (!worked) results.push({ client, said });
    }
    expect(results).toEqual([]);
  });
});
