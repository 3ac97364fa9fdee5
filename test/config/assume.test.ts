import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { RoleConfig } from '../../src/config/config.ts';
import { ConfigInvalid } from '../../src/config/config-errors.ts';
import { loadConfig } from '../../src/config/load-config.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'assume-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const ID = '11111111-2222-3333-4444-555555555555';
const FIRST = 'arn:aws:iam::123456789012:role/Hub';
const SECOND = 'arn:aws:iam::210987654321:role/path/deploy';
const POLICY = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' } };

interface Around {
  readonly rolesAnywhere?: object;
  readonly role?: object;
}

async function load(assume: object, { rolesAnywhere, role }: Around = {}): Promise<RoleConfig> {
  const file = path.join(directory, 'config.yaml');
  const arns = {
    trustAnchorArn: `arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/${ID}`,
    profileArn: `arn:aws:rolesanywhere:eu-central-1:123456789012:profile/${ID}`,
  };
  const config = {
    identity: { certificate: 'device.pem' },
    rolesAnywhere: { ...arns, ...rolesAnywhere },
    roles: [{ roleArn: FIRST, ...role, assume }],
  };
  await writeFile(file, stringify(config));
  const [loaded] = (await loadConfig(file)).roles;
  if (!loaded) throw new Error('no role');
  return loaded;
}

async function problemsOf(assume: object, around?: Around): Promise<string[]> {
  const error: unknown = await load(assume, around).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigInvalid)) throw new Error('not refused as invalid', { cause: error });
  return error.problems.map(({ key, error: problem }) => `${key} ${problem.code}`);
}

describe('a second role', () => {
  test('gets its defaults, and gives its name to the role', async () => {
    expect(await load({ roleArn: SECOND })).toMatchObject({
      name: 'deploy',
      roleArn: FIRST,
      assume: {
        roleArn: SECOND,
        sessionDuration: 3_600,
        policyArns: [],
        tags: {},
        transitiveTagKeys: [],
        sts: { region: 'eu-central-1', fips: false, dualStack: false },
      },
    });
  });

  test('is the role itself without an ARN', async () => {
    expect(await load({ policy: POLICY })).toMatchObject({ name: 'Hub', assume: { roleArn: FIRST } });
  });

  test('calls STS like the first role, unless it says otherwise', async () => {
    const sts = async (assume: object, rolesAnywhere: object) =>
      (await load({ roleArn: SECOND, ...assume }, { rolesAnywhere })).assume?.sts;
    const kinds = { fips: true, dualStack: true };
    expect(await sts({}, kinds)).toEqual({ region: 'eu-central-1', fips: true, dualStack: true });
    expect(await sts({ fips: false, region: 'eu-west-1' }, kinds)).toEqual({
      region: 'eu-west-1',
      fips: false,
      dualStack: true,
    });
    expect(await sts({ endpoint: 'https://sts.example' }, kinds)).toEqual({
      endpoint: 'https://sts.example',
      region: 'eu-central-1',
      fips: false,
      dualStack: false,
    });
  });

  test('has a policy as a map, as JSON or in a file', async () => {
    const text = JSON.stringify(POLICY);
    const policyOf = async (policy: unknown) => (await load({ roleArn: SECOND, policy })).assume?.policy;
    expect(await policyOf(POLICY)).toEqual({ from: 'text', text });
    expect(await policyOf(JSON.stringify(POLICY, undefined, 4))).toEqual({ from: 'text', text });
    expect(await policyOf({ file: 'p.json' })).toEqual({ from: 'file', path: path.join(directory, 'p.json') });
    const Statement = { ...POLICY.Statement, Resource: 'arn:aws:s3:::ü/漢\n*' };
    const escaped = '"arn:aws:s3:::ü/\\u6f22\\n*"';
    expect(await policyOf({ ...POLICY, Statement })).toMatchObject({
      text: expect.stringContaining(escaped) as string,
    });
  });

  test('has everything that AssumeRole takes', async () => {
    const assume = {
      roleArn: SECOND,
      sessionDuration: 900,
      roleSessionName: 'n@1',
      externalId: 'a/b:c',
      policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess', 'arn:aws:iam::210987654321:policy/p/q'],
      tags: { Team: 'a b', Straße: '' },
      transitiveTagKeys: ['Team'],
    };
    expect((await load(assume)).assume).toMatchObject(assume);
  });
});

describe('what cannot be right is refused', () => {
  test.each<[string, object, string[]]>([
    ['more than an hour', { sessionDuration: 3_601 }, ['roles[0].assume.sessionDuration CONFIG_WRONG_VALUE']],
    ['less than a quarter', { sessionDuration: 899 }, ['roles[0].assume.sessionDuration CONFIG_WRONG_VALUE']],
    ['another spelling', { duration: 900 }, ['roles[0].assume.duration CONFIG_UNKNOWN_KEY']],
    ['no role', { roleArn: 'deploy' }, ['roles[0].assume.roleArn ARN_MALFORMED']],
    [
      'another partition',
      { roleArn: SECOND.replace(':aws:', ':aws-cn:') },
      ['roles[0].assume.roleArn ARN_PARTITIONS_DIFFER'],
    ],
    [
      'a global endpoint of another region',
      { endpoint: 'https://sts.us-east-1.amazonaws.com' },
      ['roles[0].assume.endpoint ENDPOINT_REGION_DIFFERS'],
    ],
    [
      'the global endpoint for a region that it does not have',
      { endpoint: 'https://sts.amazonaws.com' },
      ['roles[0].assume.endpoint ENDPOINT_REGION_DIFFERS'],
    ],
    ['a region of another partition', { region: 'cn-north-1' }, ['roles[0].assume.region ENDPOINT_REGION_DIFFERS']],
    [
      'the endpoint of Roles Anywhere',
      { endpoint: 'https://rolesanywhere.eu-central-1.amazonaws.com' },
      ['roles[0].assume.endpoint ENDPOINT_OTHER_SERVICE'],
    ],
    ['plain http', { endpoint: 'http://sts.example' }, ['roles[0].assume.endpoint ENDPOINT_INSECURE']],
    [
      'an endpoint and FIPS',
      { endpoint: 'https://sts.example', fips: true },
      ['roles[0].assume.endpoint ENDPOINT_CONTRADICTORY'],
    ],
    ['a tag that a map loses', { tags: { constructor: 'x' } }, ['roles[0].assume.tags CONFIG_WRONG_VALUE']],
    ['no JSON', { policy: '{' }, ['roles[0].assume.policy CONFIG_WRONG_VALUE']],
    ['no policy', { policy: {} }, ['roles[0].assume.policy CONFIG_WRONG_VALUE']],
    ['a policy in a list', { policy: [POLICY] }, ['roles[0].assume.policy CONFIG_WRONG_VALUE']],
    [
      'a policy without actions',
      { policy: { Statement: { Effect: 'Allow', Actions: 's3:*', Resource: '*' } } },
      ['roles[0].assume.policy CONFIG_WRONG_VALUE'],
    ],
    [
      'a policy without resources',
      { policy: { Statement: { Effect: 'Allow', NotAction: 's3:*' } } },
      ['roles[0].assume.policy CONFIG_WRONG_VALUE'],
    ],
    [
      'a trust policy',
      { policy: { Statement: [{ ...POLICY.Statement, Principal: '*' }] } },
      ['roles[0].assume.policy CONFIG_WRONG_VALUE'],
    ],
    [
      'a long policy',
      { policy: { Statement: { ...POLICY.Statement, Resource: 'x'.repeat(2_048) } } },
      ['roles[0].assume.policy CONFIG_WRONG_VALUE'],
    ],
    [
      'policies of other accounts and other things',
      { policyArns: ['arn:aws:iam::123456789012:policy/p', 'arn:aws-cn:iam::aws:policy/p', SECOND] },
      [0, 1, 2].map((position) => `roles[0].assume.policyArns[${position}] CONFIG_WRONG_VALUE`),
    ],
    [
      'many policies',
      { policyArns: Array.from({ length: 11 }, (_, n) => `arn:aws:iam::aws:policy/p${n}`) },
      ['roles[0].assume.policyArns CONFIG_WRONG_VALUE'],
    ],
    ['a reserved tag', { tags: { 'AWS:x': '1' } }, ['roles[0].assume.tags.AWS:x CONFIG_WRONG_VALUE']],
    ['a tag that is a number', { tags: { port: 1 } }, ['roles[0].assume.tags.port CONFIG_WRONG_VALUE']],
    ['a character that no tag has', { tags: { a: '*' } }, ['roles[0].assume.tags.a CONFIG_WRONG_VALUE']],
    ['a tag twice', { tags: { Team: '1', team: '2' } }, ['roles[0].assume.tags.team CONFIG_WRONG_VALUE']],
    [
      'more than 50 tags',
      { tags: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`t${n}`, ''])) },
      ['roles[0].assume.tags CONFIG_WRONG_VALUE'],
    ],
    [
      'a transitive tag that is none',
      { tags: { a: '1' }, transitiveTagKeys: ['A'] },
      ['roles[0].assume.transitiveTagKeys[0] CONFIG_WRONG_VALUE'],
    ],
    ['an external id', { externalId: 'a b' }, ['roles[0].assume.externalId CONFIG_WRONG_VALUE']],
    ['a session name', { roleSessionName: 'a/b' }, ['roles[0].assume.roleSessionName CONFIG_WRONG_VALUE']],
  ])('%s', async (_, assume, problems) => {
    expect(await problemsOf({ roleArn: SECOND, ...assume })).toEqual(problems);
  });

  test('a wrong first role is one problem, not two', async () => {
    expect(await problemsOf({ policy: POLICY }, { role: { roleArn: 'Hub' } })).toEqual([
      'roles[0].roleArn ARN_MALFORMED',
    ]);
  });
});
