import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkEnvironment } from '../../src/environment/check-environment.ts';
import type { Finding, Fix } from '../../src/environment/sdk-settings.ts';
import { readSharedFiles } from '../../src/environment/shared-files.ts';
import { fixLines } from '../../src/environment/shell-lines.ts';
import type { Environment } from '../../src/foundation/process-environment.ts';
import { ANY_HOST } from '../conformance/stages.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { type Example, EXAMPLES } from './examples.ts';
import { type RealClient, realClients, type Variables } from './witnessed-clients.ts';

// Compares the rules with the behaviour of the clients: a client is affected exactly if it does not
// sign with the served session. A shell applies the printed fix. After that there are no findings,
// and clients sign with that session.

let workshop: Workshop;
let emulator: RunningEmulator;
let url: string;
let proxy: http.Server;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator(...ANY_HOST);
  ({ url } = await workshop.daemon(onFreePort(emulator.config)));
  await eventually('credentials', 15_000, async () => (await readCredentials(url)).document);
  proxy = await proxyWithoutImds();
});
afterAll(async () => {
  proxy.close();
  await workshop.close();
});

const CLIENTS = realClients();
const INSTALLED = CLIENTS.filter(({ isInstalled }) => isInstalled);
const missing = CLIENTS.filter(({ isInstalled }) => !isInstalled).map(({ client }) => client);

describeWith(missing.join(', '), missing.length === 0, 'rules, held against the clients they name', () => {
  test.each(EXAMPLES)('$title', { timeout: 120_000 }, async (example) => {
    const environment = await environmentOf(example);
    const findings = await check(environment);
    const affected = new Set(findings.flatMap(({ effects }) => effects.flatMap(({ clients }) => clients)));
    const results = await inTurns(clientsFor(example), async ({ client, call }) => ({
      client,
      ...(await call(environment, emulator.url)),
    }));
    // A broken source here makes some clients fall back to IMDS. With a working one they would not.
    const wrong = results.filter(
      ({ client, worked }) => worked === affected.has(client) && !(worked && example.isBrokenSource),
    );
    expect(wrong, `${example.title}: ${JSON.stringify(findings)}`).toEqual([]);
    expect(
      findings.map(({ code }) => code),
      example.title,
    ).toEqual(example.codes);
    if (findings.length > 0) await fixed(findings, environment);
  });
});

function clientsFor({ without = [] }: Example): readonly RealClient[] {
  return INSTALLED.filter(({ client }) => !without.includes(client));
}

/** Applies the fixes, and lets the affected clients, or any, call again. */
async function fixed(findings: readonly Finding[], environment: Variables): Promise<void> {
  const affected = new Set(findings.flatMap(({ effects }) => effects.flatMap(({ clients }) => clients)));
  let current = environment;
  let left = findings;
  for (let round = 0; left.length > 0 && round < 3; round += 1) {
    for (const { fix } of left) current = await applied(fix, current);
    left = await check(current);
  }
  expect(left).toEqual([]);
  const callers = INSTALLED.filter(({ client }) => client === 'Go v2' || client === 'Rust' || affected.has(client));
  const results = await inTurns(callers.slice(0, 3), async ({ client, call }) => ({
    client,
    ...(await call(current, emulator.url)),
  }));
  expect(results.filter(({ worked }) => !worked)).toEqual([]);
}

async function applied(fix: Fix, environment: Variables): Promise<Variables> {
  if (fix.do === 'edit') throw new Error(`nothing here can do this: ${fix.how}`);
  if (fix.do === 'remove') {
    const lines = (await readFile(fix.file, 'utf8')).split('\n');
    await writeFile(fix.file, lines.filter((_, index) => !fix.lines.includes(index + 1)).join('\n'));
    return environment;
  }
  const script = `${fixLines(fix, 'sh').join('\n')}\nexec env -0`;
  const variables = execFileSync('/bin/sh', ['-c', script], { env: environment, encoding: 'utf8' });
  const pairs = variables.split('\0').filter(Boolean);
  const after = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  return Object.fromEntries(
    Object.entries(after).filter(([name]) => name in environment || !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)),
  );
}

async function check(environment: Environment): Promise<readonly Finding[]> {
  const files = await readSharedFiles(environment);
  return checkEnvironment({ environment, files, endpoint: { url, region: undefined } });
}

async function environmentOf({ environment = {}, files = {} }: Example): Promise<Variables> {
  const home = await mkdtemp(path.join(workshop.directory, 'home-'));
  await mkdir(path.join(home, '.aws'));
  const insert = (text: string): string =>
    text
      .replaceAll('$URL', url)
      .replaceAll('$ADDRESS', new URL(url).host)
      .replaceAll('$PORT', new URL(url).port)
      .replaceAll('$HOME', home)
      .replaceAll('$PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  for (const [name, text] of Object.entries({ '.aws/config': '', '.aws/credentials': '', ...files }))
    await writeFile(path.join(home, name), insert(text));
  const all: Environment = {
    PATH: process.env['PATH'],
    HOME: home,
    AWS_CONFIG_FILE: path.join(home, '.aws/config'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(home, '.aws/credentials'),
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
    AWS_EC2_METADATA_V1_DISABLED: 'true',
    ...environment,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, insert(value)]));
}

/**
 * Forwards everything except requests for the endpoint, which a proxy on another machine could not
 * reach.
 */
async function proxyWithoutImds(): Promise<http.Server> {
  const server = http.createServer((message, response) => {
    const target = new URL(message.url ?? '/', 'http://none');
    if (target.hostname === 'none' || target.host.endsWith(`:${new URL(url).port}`)) {
      response.writeHead(502).end();
      return;
    }
    const onward = http.request(target, { method: message.method, headers: message.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    message.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Two cores. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const waiting = [...items];
  const done: R[] = [];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) done.push(await work(item));
  };
  await Promise.all([worker(), worker(), worker()]);
  return done;
}
