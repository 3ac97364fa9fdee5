import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { examineConfig } from '../../src/config/examined-config.ts';
import { keyText } from '../../src/foundation/config-finding.ts';

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555';
const PROFILE = 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-8888-9999-000000000000';
const ROLE = 'arn:aws:iam::123456789012:role/Uploader';

const found = (text: string): string[] =>
  examineConfig(parse(text), '/').problems.map(({ path, error }) => `${keyText(path)} ${error.code}`);

test('reports a contradiction next to a value of the wrong form', () => {
  const text = `identity: { certificate: 7 }
rolesAnywhere: { trustAnchorArn: ${ANCHOR}, profileArn: ${PROFILE} }
roles:
  - { name: first, roleArn: 7 }
  - { name: second, roleArn: '${ROLE.replace('1234', '9999')}', imds: { listen: '0.0.0.0:9911' } }
admin: { listen: '0.0.0.0:9910', allowedHosts: 7 }
log: { level: loud }
`;
  expect(found(text)).toEqual([
    'identity.certificate CONFIG_WRONG_VALUE',
    'roles[0].roleArn CONFIG_WRONG_VALUE',
    'admin.allowedHosts CONFIG_WRONG_VALUE',
    'log.level CONFIG_WRONG_VALUE',
    // Of the second role, though the first one is left out.
    'roles[1].roleArn ARN_ACCOUNTS_DIFFER',
    'roles[1].imds.listen CONFIG_NOT_LOOPBACK',
    'admin.listen CONFIG_NOT_LOOPBACK',
  ]);
});

test('reports a mistake once, without its consequences', () => {
  const text = `identity: { certificate: device.pem }
rolesAnywhere: { trustAnchorArn: 7, profileArn: ${PROFILE} }
roles:
  - { roleArn: ${ROLE}, imds: { listen: localhost } }
  - { name: second, roleArn: ${ROLE} }
container: { tokens: [{ client: app, roles: [third], file: app.token }] }
`;
  expect(found(text)).toEqual([
    'rolesAnywhere.trustAnchorArn CONFIG_WRONG_VALUE',
    'roles[0].imds.listen CONFIG_WRONG_VALUE',
    'container.tokens[0].roles[0] CONFIG_UNKNOWN_ROLE',
  ]);
});

test.each([
  ['container: { kubernetes: { issuer: 7 } }', 'container.kubernetes.issuer'],
  ['stateDirectory: 7\nstateKey: { file: state.key }', 'stateDirectory'],
])('a key that needs another one is no second problem: %j', (text, key) => {
  const rest = `identity: { certificate: device.pem }
rolesAnywhere: { trustAnchorArn: ${ANCHOR}, profileArn: ${PROFILE} }
roles: [{ name: first, roleArn: '${ROLE}', imds: { listen: 127.0.0.1:9911 } }]
`;
  expect(found(rest + text).filter((problem) => !problem.startsWith('container.kubernetes.roles'))).toEqual([
    `${key} CONFIG_WRONG_VALUE`,
  ]);
});

test.each(['7', '[]', 'roles: &a [*a]', 'identity: &a { certificate: *a }'])('%s is bounded', (text) => {
  expect(found(text)).not.toEqual([]);
});

test('returns the identity if its own form is valid', () => {
  const { identity } = examineConfig(parse(`identity: { certificate: a.pem }\nroles: 7\n`), '/etc');
  expect(identity).toMatchObject({ certificate: '/etc/a.pem' });
});

const shared = (anchor: string, profile = PROFILE, more = ''): string => `identity: { certificate: device.pem }
rolesAnywhere: { trustAnchorArn: '${anchor}', profileArn: '${profile}' ${more} }
roles:
  - { name: first, roleArn: ${ROLE} }
  - { name: second, roleArn: ${ROLE}, imds: { listen: 127.0.0.1:9912 } }
`;

describe('reports a problem of all roles once, at the shared key', () => {
  test.each([
    ['no ARN', shared('x'), ['rolesAnywhere.trustAnchorArn ARN_MALFORMED']],
    ['one of another kind', shared(ANCHOR, ANCHOR), ['rolesAnywhere.profileArn ARN_WRONG_KIND']],
    [
      'a profile elsewhere',
      shared(ANCHOR, PROFILE.replace('eu-', 'us-')),
      ['rolesAnywhere.profileArn ARN_REGIONS_DIFFER'],
    ],
    [
      'a name instead of an id',
      shared(ANCHOR, PROFILE.replace(/[^/]+$/, 'Uploaders')),
      ['rolesAnywhere.profileArn ARN_ID_NOT_UUID'],
    ],
    [
      'the same of the anchor',
      shared(ANCHOR.replace(/[^/]+$/, 'ca')),
      ['rolesAnywhere.trustAnchorArn ARN_ID_NOT_UUID'],
    ],
    [
      'an anchor of another account',
      shared(ANCHOR.replace('123456789012', '999999999999'), PROFILE),
      ['rolesAnywhere.profileArn ARN_ACCOUNTS_DIFFER', 'rolesAnywhere.trustAnchorArn ARN_ACCOUNTS_DIFFER'],
    ],
    [
      'none at all',
      shared(ANCHOR).replace(/^rolesAnywhere.*$/m, ''),
      ['rolesAnywhere.trustAnchorArn CONFIG_MISSING_KEY', 'rolesAnywhere.profileArn CONFIG_MISSING_KEY'],
    ],
    [
      'an endpoint in another region',
      shared(ANCHOR, PROFILE, ", endpoint: 'https://rolesanywhere.us-east-1.amazonaws.com'"),
      ['rolesAnywhere.endpoint ENDPOINT_REGION_DIFFERS'],
    ],
  ])('%s', (_what, text, problems) => {
    expect(found(text)).toEqual(problems);
  });
});

describe('two listeners on one address', () => {
  const one = (imds: string, more: string): string =>
    shared(ANCHOR).replace('127.0.0.1:9912', `'${imds}', allowNonLoopback: true`) + more;
  test.each([
    ['127.0.0.1:9911', '', 'roles[1].imds.listen'],
    ['0.0.0.0:9911', '', 'roles[1].imds.listen'],
    ['[::]:9911', '', 'roles[1].imds.listen'],
    ['127.0.0.1:9910', 'admin: { listen: 127.0.0.1:9910 }', 'admin.listen'],
    ['[::1]:9910', "admin: { listen: '[0:0:0:0:0:0:0:1]:9910' }", 'admin.listen'],
    ['127.0.0.1:9913', 'container: { tokens: [{ client: a, roles: [first], file: a }] }', 'container.listen'],
    ['127.0.0.1:9912', 'socket: { path: /run/s }\nadmin: { socket: /run/s }', 'admin.socket'],
  ])('%s %s', (imds, more, key) => {
    expect(found(one(imds, more))).toEqual([`${key} CONFIG_DUPLICATE_ADDRESS`]);
  });

  test.each([
    ['127.0.0.1:0', 'admin: { listen: 127.0.0.1:0 }'],
    ['[::1]:9911', ''],
    ['127.0.0.2:9911', 'admin: { listen: 127.0.0.3:9911 }'],
  ])('%s %s is none', (imds, more) => {
    expect(found(one(imds, more))).toEqual([]);
  });
});

describe('suggestions for a misspelt key', () => {
  const messages = (text: string): string[] =>
    examineConfig(parse(text), '/').problems.map(({ error }) => error.message);
  test.each([
    ['imds: {', 'imds: { lisetn: x,', 'roles[1].imds.lisetn', 'roles[1].imds.listen'],
    ['roleArn: arn', 'rolArn: arn', 'roles[0].rolArn', 'roles[0].roleArn'],
    ['certificate:', 'cert:', 'identity.cert', 'identity.certificate'],
    ['imds: {', 'hop_limit: 1, imds: {', 'roles[1].hop_limit', 'roles[].imds.hopLimit'],
    ['identity:', 'endpoint: x\nidentity:', 'endpoint', 'rolesAnywhere.endpoint'],
  ])('%s as %s: one problem, and what is meant', (right, wrong, key, meant) => {
    expect(messages(shared(ANCHOR).replace(right, wrong))).toEqual([`unknown key "${key}"; did you mean "${meant}"?`]);
  });
});

const MAPS = ['identity', 'rolesAnywhere', 'container', 'socket', 'admin', 'systemd', 'log'];

test.each(MAPS)('a list in place of the map %s is one problem, and ends', (key) => {
  const form = { identity: { certificate: 'a' }, roles: [{ roleArn: ROLE }], [key]: ['x', 'y'] };
  const problems = examineConfig(form, '/').problems.map(({ path, error }) => `${keyText(path)}: ${error.message}`);
  expect(problems).toContain(`${key}: ${key} must be a map of keys`);
});

test.each([['x'], [], [[]]])('a list in place of the whole configuration or of a role is no map: %j', (...list) => {
  expect(examineConfig(list, '/').problems).not.toEqual([]);
  const form = { identity: { certificate: 'a' }, roles: [list, { roleArn: ROLE, imds: list }] };
  expect(examineConfig(form, '/').problems).not.toEqual([]);
});
