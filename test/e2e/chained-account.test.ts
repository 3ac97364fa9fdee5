import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEPLOY, emulatorWithChain, EXTERNAL_ID, FORGETFUL, HUB } from '../support/chained-account.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// Both hops at the emulator, which verifies signatures and evaluates every policy.

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await emulatorWithChain(workshop);
  return workshop.close;
});

type Fields = Readonly<Record<string, unknown>>;

function assuming(assume: object): string {
  return onFreePort(emulator.config).replace(
    /^( {2}- roleArn: .*)$/m,
    `$1\n    assume: ${JSON.stringify({ endpoint: emulator.url, ...assume })}`,
  );
}

async function callerArn(env: Readonly<Record<string, string>>): Promise<string> {
  const script = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
    console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: {
      PATH: process.env['PATH'],
      HOME: workshop.directory,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_STS: emulator.url,
      ...env,
    },
  });
  return stdout.trim();
}

const served = (url: string) => eventually('credentials', 30_000, async () => (await readCredentials(url)).document);

test('two accounts: an SDK has the second role, and audit log and events of AWS have the same ids', async () => {
  const audit = path.join(workshop.directory, 'audit.log');
  const assume = { roleArn: DEPLOY, externalId: EXTERNAL_ID, tags: { Program: 'p' }, transitiveTagKeys: ['Program'] };
  const { url } = await workshop.daemon(`${assuming(assume)}\naudit: { file: ${audit} }\n`);
  await served(url);
  const arn = await callerArn({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url });
  expect(arn).toMatch(/^arn:aws:sts::222233334444:assumed-role\/deploy\/[0-9a-f]+$/);
  const [first, second] = await eventually('two lines', 30_000, async () => {
    const lines = (await readFile(audit, 'utf8')).split('\n').slice(0, -1);
    return lines.length < 2 ? undefined : lines.map((line) => JSON.parse(line) as Fields);
  });
  expect(second).toMatchObject({
    assumedRoleArn: arn,
    sourceIdentity: 'CN=device-0001',
    firstHopArn: first?.['assumedRoleArn'],
    firstHopRequestId: first?.['requestId'],
  });
  const events = (await (await fetch(`${emulator.url}/_emulator/events`)).json()) as Fields[];
  const named = (id: unknown) => events.filter(({ requestID }) => requestID === id).map(({ eventName }) => eventName);
  expect(named(second?.['firstHopRequestId'])).toContain('CreateSession');
  expect(named(second?.['requestId'])).toEqual(['AssumeRole']);
  const event = events.find(({ requestID }) => requestID === second?.['requestId']);
  expect(event).toMatchObject({ userIdentity: { accessKeyId: second?.['firstHopAccessKeyId'] } });
});

test('narrower sessions of one role: each client gets its own, with one call of CreateSession', async () => {
  const policy = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' } };
  const entry = (name: string) =>
    `  - roleArn: ${HUB}\n    name: ${name}\n    imds: false\n    assume: ${JSON.stringify({ endpoint: emulator.url, policy, tags: { Program: name } })}\n`;
  const clients = ['thermometer', 'camera'];
  const tokens = clients.map((name) => ({
    client: name,
    roles: [name],
    file: path.join(workshop.directory, `${name}.token`),
  }));
  const config = emulator.config.replace(/^ {2}- roleArn: .*\n(?: {4}.*\n)*/m, clients.map(entry).join(''));
  const calls = async () => {
    const answer = (await (await fetch(`${emulator.url}/_emulator/calls`)).json()) as {
      createSession: { total: number };
    };
    return answer.createSession.total;
  };
  const before = await calls();
  const file = await workshop.write(
    'narrow.yaml',
    `${config}\ncontainer: ${JSON.stringify({ listen: '127.0.0.1:0', tokens })}\n`,
  );
  const program = workshop.start(['serve', file]);
  const [, uri = ''] = await program.says(/_FULL_URI=(\S+)/);
  const base = uri.slice(0, uri.indexOf('/v1/') + '/v1/credentials'.length);
  const read = async (client: string, role = '') => {
    const token = await readFile(path.join(workshop.directory, `${client}.token`), 'utf8');
    return fetch(`${base}${role}`, { headers: { authorization: token.trim() } });
  };
  const documents = await Promise.all(
    clients.map((client) =>
      eventually(client, 30_000, async () => {
        const answer = await read(client);
        return answer.ok ? ((await answer.json()) as Fields) : undefined;
      }),
    ),
  );
  expect(new Set(documents.map(({ AccessKeyId }) => AccessKeyId)).size).toBe(2);
  expect(documents.map(({ RoleArn }) => RoleArn)).toEqual([HUB, HUB]);
  expect(await calls()).toBe(before + 1);
  // By the ARN, which both roles have, a client gets its own session.
  const byArn = (await (await read('camera', `/${HUB}`)).json()) as Fields;
  expect(byArn['AccessKeyId']).toBe(documents[1]?.['AccessKeyId']);
  expect((await read('camera', '/thermometer')).status).toBe(403);
});

describe('a refusal of the emulator names its cause', () => {
  const tags = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`T${n}`, 'a'.repeat(250)]));
  test.each<[string, object]>([
    ['STS_SOURCE_IDENTITY_DENIED', { roleArn: FORGETFUL }],
    ['STS_TAG_SESSION_DENIED', { roleArn: FORGETFUL, tags: { a: 'b' } }],
    ['STS_ASSUME_ROLE_DENIED', { roleArn: DEPLOY, externalId: 'wrong' }],
    ['STS_ASSUME_ROLE_DENIED', { roleArn: `${DEPLOY}-missing` }],
    ['STS_PACKED_POLICY_TOO_LARGE', { roleArn: HUB, tags }],
  ])('%s', async (code, assume) => {
    const { program } = await workshop.daemon(assuming(assume));
    await program.says(new RegExp(`"code":"${code}"`));
    await program.stop();
  });
});
