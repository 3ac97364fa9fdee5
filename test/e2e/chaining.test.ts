import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { assumed, assumedBody, SECRET, stsRefused, TOKEN } from '../sts/support.ts';
import { readCredentials, readPath } from '../support/imds-client.ts';
import { eventually, run } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

/** STS as a script: what it was asked, and its next refusals. */
const sts = { forms: [] as URLSearchParams[], refusals: [] as ReturnType<typeof stsRefused>[] };
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += String(chunk)));
  request.on('end', () => {
    sts.forms.push(new URLSearchParams(body));
    const expiration = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z/, 'Z');
    const answer = sts.refusals.shift() ?? assumed(assumedBody(expiration));
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
});

const SECOND = 'arn:aws:iam::210987654321:role/deploy';

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

afterAll(() => {
  server.close();
});

beforeEach(() => {
  sts.forms = [];
  sts.refusals = [];
});

/** The configuration of the emulator, whose role is assumed with. */
function chained(assume: object): string {
  const { port } = server.address() as AddressInfo;
  const written = JSON.stringify({ roleArn: SECOND, endpoint: `http://127.0.0.1:${port}`, ...assume });
  return onFreePort(emulator.config).replace(/^( {2}- roleArn: .*)$/m, `$1\n    assume: ${written}`);
}

async function calls(): Promise<number> {
  const answer = await fetch(`${emulator.url}/_emulator/calls`);
  return ((await answer.json()) as { createSession: { total: number } }).createSession.total;
}

test('serve gives out the session of the second role, and the audit log joins both hops', async () => {
  const audit = path.join(workshop.directory, 'audit.log');
  const policy = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:*', Resource: '*' } };
  const { url, program } = await workshop.daemon(
    `${chained({ externalId: 'x-1', policy, tags: { Program: 'p' } })}\naudit: { file: ${audit} }\n`,
  );
  const document = await eventually('credentials', 30_000, async () => (await readCredentials(url)).document);
  expect(document).toMatchObject({ AccessKeyId: 'ASIASECONDHOPEXAMPLE' });
  expect(await (await readPath(url, '/latest/meta-data/iam/security-credentials/')).text()).toBe('deploy');
  expect(Object.fromEntries(sts.forms[0] ?? [])).toMatchObject({
    Action: 'AssumeRole',
    RoleArn: SECOND,
    DurationSeconds: '3600',
    ExternalId: 'x-1',
    Policy: JSON.stringify(policy),
    'Tags.member.1.Key': 'Program',
  });
  const lines = await eventually('three lines', 30_000, async () => {
    const written = (await readFile(audit, 'utf8')).split('\n').slice(0, -1);
    return written.length < 3 ? undefined : written.map((line) => JSON.parse(line) as Record<string, unknown>);
  });
  const [first, second, read] = lines;
  expect(first).toMatchObject({ event: 'session.granted', operation: 'CreateSession', role: 'deploy' });
  expect(second).toMatchObject({
    event: 'session.granted',
    operation: 'AssumeRole',
    assumedRoleArn: 'arn:aws:sts::210987654321:assumed-role/deploy/0123abcd',
    requestId: 'request-of-second',
    firstHopArn: first?.['assumedRoleArn'],
    firstHopAccessKeyId: first?.['accessKeyId'],
    firstHopRequestId: first?.['requestId'],
    sourceIdentity: first?.['sourceIdentity'],
    certificateSerial: first?.['certificateSerial'],
  });
  expect(read).toMatchObject({ event: 'credentials.read', firstHopRequestId: first?.['requestId'] });
  for (const secret of [SECRET, TOKEN]) {
    expect(program.stderr + program.stdout).not.toContain(secret);
    expect(JSON.stringify(lines)).not.toContain(secret);
  }
});

test('after a restart, both sessions are there', async () => {
  const withState = (assume: object): string =>
    `${chained(assume)}\nstateDirectory: ${path.join(workshop.directory, 'state')}\n`;
  const file = await workshop.write('stored.yaml', withState({}));
  const before = workshop.start(['serve', file]);
  await before.says(/role session granted/);
  await before.stop();
  const granted = await calls();
  sts.forms = [];
  const same = workshop.start(['serve', file]);
  await same.says(/role session restored/);
  await same.stop();
  expect(sts.forms).toHaveLength(0);
  // Another session of the second role needs only the stored session of the first.
  await workshop.write('stored.yaml', withState({ tags: { Program: 'p' } }));
  const other = workshop.start(['serve', file]);
  await other.says(/session of the first role restored/);
  await other.says(/role session granted/);
  await other.stop();
  expect([sts.forms.length, await calls()]).toEqual([1, granted]);
});

test('roles with the same first role cost one call of CreateSession', async () => {
  const before = await calls();
  const [role = ''] = /^ {2}- roleArn: .*$/m.exec(emulator.config) ?? [];
  const more = ['one', 'two'].map(
    (name) => `${role}\n    name: ${name}\n    imds: { listen: "127.0.0.1:0" }\n    assume: { endpoint: "ENDPOINT" }`,
  );
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = onFreePort(emulator.config).replace(
    role,
    `${more.join('\n').replaceAll('ENDPOINT', endpoint)}\n${role}`,
  );
  const { program } = await workshop.daemon(config.replace(/(\n {4}imds: [^\n]*)\n {4}imds: [^\n]*/, '$1'));
  await eventually('three sessions', 30_000, () =>
    Promise.resolve(program.log.filter(({ msg }) => msg === 'role session granted').length === 3 || undefined),
  );
  // The plain role has a session of its own.
  expect(await calls()).toBe(before + 2);
  expect(sts.forms).toHaveLength(2);
});

test('a refusal says what to change, and the session of the first role is not given out', async () => {
  const denied = `User: arn:aws:sts::1:assumed-role/Hub/1 is not authorized to perform: sts:SetSourceIdentity on resource: ${SECOND}`;
  sts.refusals = Array.from({ length: 5 }, () => stsRefused('AccessDenied', denied));
  const { url, program } = await workshop.daemon(chained({}));
  await program.says(/STS_SOURCE_IDENTITY_DENIED.*\n/);
  const failed = program.log.find(({ msg }) => String(msg).startsWith('could not get a role session'));
  expect(failed).toMatchObject({ code: 'STS_SOURCE_IDENTITY_DENIED', operation: 'AssumeRole' });
  expect((await readCredentials(url)).document).toBeUndefined();
});

test('serve warns of tags that STS may find too large, at start and after a reload', async () => {
  const large = (count: number): object => ({
    tags: Object.fromEntries(Array.from({ length: count }, (_, n) => [`tag-${n}`, 'v'.repeat(250)])),
  });
  const config = await workshop.write('tags.yaml', chained(large(3)));
  const program = workshop.start(['serve', '--config', config]);
  await program.says(/STS_PACKED_SIZE_NEAR/);
  await writeFile(config, chained(large(5)));
  const warnings = await eventually('a second warning', 30_000, () => {
    const found = program.log.filter(({ code }) => code === 'STS_PACKED_SIZE_NEAR');
    return Promise.resolve(found.length > 1 ? found : undefined);
  });
  // Its calls must not count in the next test.
  await program.stop();
  expect(warnings.map(({ level, key }) => [level, key])).toEqual([
    ['warn', 'roles[0].assume.tags'],
    ['warn', 'roles[0].assume.tags'],
  ]);
});

test('credential-process and update chain too', async () => {
  const config = await workshop.write('one-shot.yaml', chained({}));
  const env = { HOME: workshop.directory };
  const once = await run(['credential-process', '--config', config], { env });
  expect(JSON.parse(once.stdout)).toMatchObject({ AccessKeyId: 'ASIASECONDHOPEXAMPLE' });
  await run(['credential-process', '--config', config], { env });
  expect(sts.forms).toHaveLength(1);
  const profile = path.join(workshop.directory, '.aws', 'credentials');
  expect((await run(['update', '--once', '--config', config], { env })).code).toBe(0);
  expect(await readFile(profile, 'utf8')).toContain('ASIASECONDHOPEXAMPLE');
  const updating = workshop.start(['update', '--config', config, '--profile', 'kept'], { env });
  await updating.says(/profile updated/);
  expect(await readFile(profile, 'utf8')).toMatch(/\[kept\]\n.*ASIASECONDHOPEXAMPLE/);
});

test('check-config shows both hops, and reads policy files', async () => {
  const tags = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`tag-${n}`, 'v'.repeat(100)]));
  const good = await workshop.write('good.yaml', chained({ tags, policy: { file: 'policy.json' } }));
  await workshop.write('policy.json', '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}');
  const { stdout, code } = await run(['check-config', good]);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`assumes ${SECOND}`)]);
  expect(stdout).toContain('warning STS_PACKED_SIZE_NEAR');
  await workshop.write('policy.json', '{"Statement":{"Effect":"Allow","Principal":"*"}}');
  expect((await run(['check-config', good])).stderr).toContain('STS_POLICY_UNUSABLE');
  const missing = await workshop.write('missing.yaml', chained({ policy: { file: 'nowhere.json' } }));
  const { stderr } = await run(['check-config', missing]);
  expect(stderr).toContain('STS_POLICY_UNREADABLE');
  expect(stderr).toContain(path.join(workshop.directory, 'nowhere.json'));
  expect(stderr).not.toContain('/proc/self/fd');
});
