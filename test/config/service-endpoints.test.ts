import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Config } from '../../src/config/config.ts';
import { ConfigInvalid } from '../../src/config/config-errors.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { endpointOf } from '../../src/rolesanywhere/endpoint.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'endpoints-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const ID = '11111111-2222-3333-4444-555555555555';

function role(name: string, region: string, more: object = {}): object {
  const prefix = `arn:aws:rolesanywhere:${region}:123456789012`;
  const arns = { trustAnchorArn: `${prefix}:trust-anchor/${ID}`, profileArn: `${prefix}:profile/${ID}` };
  return { roleArn: `arn:aws:iam::123456789012:role/${name}`, ...arns, imds: false, ...more };
}

async function load(rolesAnywhere: object, roles: readonly object[]): Promise<Config> {
  const file = path.join(directory, 'config.yaml');
  await writeFile(file, stringify({ identity: { certificate: 'a.pem' }, rolesAnywhere, roles, socket: {} }));
  return loadConfig(file);
}

async function problemsOf(rolesAnywhere: object, roles: readonly object[]): Promise<string[]> {
  const error: unknown = await load(rolesAnywhere, roles).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigInvalid)) throw new Error('not refused as invalid', { cause: error });
  return error.problems.map(({ key, error: problem }) => `${key} ${problem.code}`);
}

const GLOBAL = 'https://gateway.example';
const FRANKFURT = 'https://rolesanywhere.eu-central-1.amazonaws.com';

test('a role may have an endpoint of its own, over the shared one', async () => {
  const roles = [
    role('a', 'eu-central-1'),
    role('b', 'us-east-1', { endpoint: 'https://rolesanywhere.us-east-1.amazonaws.com' }),
  ];
  const { rolesAnywhere, roles: loaded } = await load({ endpoint: FRANKFURT }, roles);
  expect(loaded.map((one) => endpointOf(rolesAnywhere, one).endpoint)).toEqual([
    FRANKFURT,
    'https://rolesanywhere.us-east-1.amazonaws.com',
  ]);
});

test('a role may choose FIPS and dual-stack, also for its second hop', async () => {
  const own = { fips: true, assume: { roleArn: 'arn:aws:iam::210987654321:role/d' } };
  const { rolesAnywhere, roles } = await load({ dualStack: true }, [
    role('a', 'us-east-1', own),
    role('b', 'us-east-1', { dualStack: false }),
  ]);
  expect(roles.map((one) => endpointOf(rolesAnywhere, one))).toEqual([
    { fips: true, dualStack: true },
    { fips: false, dualStack: false },
  ]);
  expect(roles[0]?.assume?.sts).toMatchObject({ fips: true, dualStack: true });
});

test.each<[string, object, object[], string[]]>([
  [
    'an endpoint shared by trust anchors of two regions, whatever its name',
    { endpoint: GLOBAL },
    [role('a', 'eu-central-1'), role('b', 'us-east-1')],
    ['rolesAnywhere.endpoint ENDPOINT_REGION_DIFFERS'],
  ],
  [
    'an endpoint of one of two regions',
    { endpoint: FRANKFURT },
    [role('a', 'eu-central-1'), role('b', 'us-east-1')],
    ['rolesAnywhere.endpoint ENDPOINT_REGION_DIFFERS'],
  ],
  [
    'an own endpoint of another region',
    {},
    [role('a', 'us-east-1', { endpoint: FRANKFURT })],
    ['roles[0].endpoint ENDPOINT_REGION_DIFFERS'],
  ],
  [
    'an own endpoint of STS',
    {},
    [role('a', 'us-east-1', { endpoint: 'https://sts.us-east-1.amazonaws.com' })],
    ['roles[0].endpoint ENDPOINT_OTHER_SERVICE'],
  ],
  [
    'an own endpoint with FIPS',
    {},
    [role('a', 'us-east-1', { endpoint: GLOBAL, fips: true })],
    ['roles[0].endpoint ENDPOINT_CONTRADICTORY'],
  ],
  [
    'FIPS over a shared endpoint',
    { endpoint: GLOBAL },
    [role('a', 'us-east-1'), role('b', 'us-east-1', { fips: true })],
    ['roles[1].endpoint ENDPOINT_CONTRADICTORY'],
  ],
])('%s is refused', async (_, rolesAnywhere, roles, problems) => {
  expect(await problemsOf(rolesAnywhere, roles)).toEqual(problems);
});
