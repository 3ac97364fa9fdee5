import { expect, test } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { roleChanges } from '../../src/daemon/config-changes.ts';
import { without } from '../support/without.ts';

const imds = { host: '127.0.0.1', port: 9_911, allowedHosts: [] };

function role(name: string, changes: Partial<RoleConfig> = {}): RoleConfig {
  return {
    name,
    roleArn: `arn:aws:iam::123456789012:role/${name}`,
    profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/1',
    trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/1',
    sessionDuration: 3_600,
    imds,
    ...changes,
  };
}

const a = role('a');
const b = role('b');
const withoutEndpoint = without(a, 'imds');
const atPort = (port: number) => ({ imds: { ...imds, port } });

const CASES: readonly (readonly [string, readonly RoleConfig[], readonly RoleConfig[], object])[] = [
  ['the first roles', [], [a, b], { start: [a, b] }],
  ['nothing', [a, b], [a, b], {}],
  ['nothing, written again', [a, b], structuredClone([a, b]), {}],
  ['another order', [a, b], [b, a], {}],
  ['one more', [a], [a, b], { start: [b] }],
  ['one less', [a, b], [b], { stop: [a] }],
  ['another address', [a, b], [role('a', atPort(9_912)), b], { reopen: [role('a', atPort(9_912))] }],
  [
    'a region to tell',
    [a],
    [role('a', { imds: { ...imds, region: 'eu-central-1' } })],
    { reopen: [role('a', { imds: { ...imds, region: 'eu-central-1' } })] },
  ],
  ['no endpoint of its own', [a, b], [withoutEndpoint, b], { reopen: [withoutEndpoint] }],
  ['an endpoint of its own', [withoutEndpoint], [a], { reopen: [a] }],
  [
    'another duration',
    [a, b],
    [role('a', { sessionDuration: 900 }), b],
    { adjust: [role('a', { sessionDuration: 900 })] },
  ],
  ['a session name', [a], [role('a', { roleSessionName: 'n1' })], { adjust: [role('a', { roleSessionName: 'n1' })] }],
  [
    'another address and duration',
    [a],
    [role('a', { ...atPort(1), sessionDuration: 900 })],
    { reopen: [role('a', { ...atPort(1), sessionDuration: 900 })] },
  ],
  ...(['roleArn', 'profileArn', 'trustAnchorArn'] as const).map(
    (key) =>
      [
        `another ${key}`,
        [a, b],
        [role('a', { [key]: `${a[key]}-2` }), b],
        { stop: [a], start: [role('a', { [key]: `${a[key]}-2` })] },
      ] as const,
  ),
  ['another name', [a], [role('c', { roleArn: a.roleArn })], { stop: [a], start: [role('c', { roleArn: a.roleArn })] }],
];

test.each(CASES)('a configuration that changes %s', (_, running, wanted, changes) => {
  expect(roleChanges(running, wanted)).toEqual({ stop: [], start: [], reopen: [], adjust: [], ...changes });
});
