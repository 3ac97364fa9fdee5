import { expect, test } from 'vitest';
import type { AssumeConfig, ImdsEndpointConfig, RoleConfig } from '../../src/config/config.ts';
import { roleChanges } from '../../src/daemon/config-changes.ts';
import { roleOf } from '../support/configuration.ts';
import { without } from '../support/without.ts';

const a = roleOf('a');
const b = roleOf('b');
const withoutEndpoint = without(a, 'imds');
const imds: ImdsEndpointConfig = { host: '127.0.0.1', port: 9_911, allowedHosts: [] };
const atPort = (port: number) => ({ imds: { ...imds, port } });

const assume: AssumeConfig = {
  roleArn: 'arn:aws:iam::210987654321:role/deploy',
  sessionDuration: 3_600,
  policyArns: [],
  tags: {},
  transitiveTagKeys: [],
  sts: { region: 'eu-central-1', fips: false, dualStack: false },
};
const chained = roleOf('c', { assume });
const withAssume = (change: Partial<AssumeConfig>): RoleConfig => roleOf('c', { assume: { ...assume, ...change } });

const CASES: readonly (readonly [string, readonly RoleConfig[], readonly RoleConfig[], object])[] = [
  ['the first roles', [], [a, b], { start: [a, b] }],
  ['nothing', [a, b], [a, b], {}],
  ['nothing, written again', [a, b], structuredClone([a, b]), {}],
  ['another order', [a, b], [b, a], {}],
  ['one more', [a], [a, b], { start: [b] }],
  ['one less', [a, b], [b], { stop: [a] }],
  ['another address', [a, b], [roleOf('a', atPort(9_912)), b], { reopen: [roleOf('a', atPort(9_912))] }],
  [
    'a region',
    [a],
    [roleOf('a', { imds: { ...imds, region: 'eu-central-1' } })],
    { reopen: [roleOf('a', { imds: { ...imds, region: 'eu-central-1' } })] },
  ],
  ['no endpoint of its own', [a, b], [withoutEndpoint, b], { reopen: [withoutEndpoint] }],
  ['an endpoint of its own', [withoutEndpoint], [a], { reopen: [a] }],
  [
    'another duration',
    [a, b],
    [roleOf('a', { sessionDuration: 900 }), b],
    { adjust: [roleOf('a', { sessionDuration: 900 })] },
  ],
  [
    'a session name',
    [a],
    [roleOf('a', { roleSessionName: 'n1' })],
    { adjust: [roleOf('a', { roleSessionName: 'n1' })] },
  ],
  [
    'another address and duration',
    [a],
    [roleOf('a', { ...atPort(1), sessionDuration: 900 })],
    { reopen: [roleOf('a', { ...atPort(1), sessionDuration: 900 })] },
  ],
  ...(['roleArn', 'profileArn', 'trustAnchorArn'] as const).map(
    (key) =>
      [
        `another ${key}`,
        [a, b],
        [roleOf('a', { [key]: `${a[key]}-2` }), b],
        { stop: [a], start: [roleOf('a', { [key]: `${a[key]}-2` })] },
      ] as const,
  ),
  [
    'another name',
    [a],
    [roleOf('c', { roleArn: a.roleArn })],
    { stop: [a], start: [roleOf('c', { roleArn: a.roleArn })] },
  ],
  ['a second role', [roleOf('c')], [chained], { stop: [roleOf('c')], start: [chained] }],
  ...[{ tags: { a: 'b' } }, { externalId: 'x' }, { policy: { from: 'text', text: '{}' } as const }].map(
    (change) =>
      [
        `what its session may do: ${Object.keys(change).join()}`,
        [a, chained],
        [a, withAssume(change)],
        { stop: [chained], start: [withAssume(change)] },
      ] as const,
  ),
  [
    'the duration of its second session',
    [chained],
    [withAssume({ sessionDuration: 900 })],
    { adjust: [withAssume({ sessionDuration: 900 })] },
  ],
];

test.each(CASES)('a configuration that changes %s', (_, running, wanted, changes) => {
  expect(roleChanges(running, wanted)).toEqual({ stop: [], start: [], reopen: [], adjust: [], ...changes });
});
