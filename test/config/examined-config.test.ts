import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { examineConfig } from '../../src/config/examined-config.ts';
import { keyText } from '../../src/foundation/config-finding.ts';

const ANCHOR = 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555';
const PROFILE = 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/66666666-7777-8888-9999-000000000000';
const ROLE = 'arn:aws:iam::123456789012:role/Uploader';

const found = (text: string): string[] =>
  examineConfig(parse(text), '/').problems.map(({ path, error }) => `${keyText(path)} ${error.code}`);

test('a value of the wrong form hides no contradiction elsewhere', () => {
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

test('a mistake is reported once, and nothing that only follows from it', () => {
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

test.each(['7', '[]', 'roles: &a [*a]', 'identity: &a { certificate: *a }'])('%s is bounded', (text) => {
  expect(found(text)).not.toEqual([]);
});

test('the identity is known as long as it has the right form itself', () => {
  const { identity } = examineConfig(parse(`identity: { certificate: a.pem }\nroles: 7\n`), '/etc');
  expect(identity).toMatchObject({ certificate: '/etc/a.pem' });
});
