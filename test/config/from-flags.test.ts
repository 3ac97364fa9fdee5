import { describe, expect, test } from 'vitest';
import { ConfigInvalid } from '../../src/config/config-errors.ts';
import { configFromFlags, type IdentityFlags } from '../../src/config/from-flags.ts';

const FLAGS: IdentityFlags = {
  certificate: 'device.pem',
  privateKey: 'device.key',
  trustAnchorArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/11111111-2222-3333-4444-555555555555',
  profileArn: 'arn:aws:rolesanywhere:eu-central-1:123456789012:profile/11111111-2222-3333-4444-555555555555',
  roleArn: 'arn:aws:iam::123456789012:role/Uploader',
};

function problemsOf(flags: IdentityFlags): string[] {
  try {
    configFromFlags(flags, '/etc/x');
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.problems.map(({ key, error: { code } }) => `${key} ${code}`);
    throw error;
  }
  throw new Error('accepted');
}

describe('a command line of the AWS helper', () => {
  test('gives one role on port 9911', () => {
    const config = configFromFlags(FLAGS, '/etc/x');
    expect(config.identity).toMatchObject({ certificate: '/etc/x/device.pem', privateKey: '/etc/x/device.key' });
    expect(config.roles).toMatchObject([{ name: 'Uploader', imds: { host: '127.0.0.1', port: 9911 } }]);
    expect(config.roles[0]?.imds).not.toHaveProperty('region');
    expect(config.roles[0]?.imds).not.toHaveProperty('hopLimit');
  });

  test('sets the hop limit of the endpoint', () => {
    expect(configFromFlags({ ...FLAGS, hopLimit: 1 }, '/etc/x').roles[0]?.imds).toMatchObject({ hopLimit: 1 });
    expect(problemsOf({ ...FLAGS, hopLimit: 256 })).toEqual(['--hop-limit CONFIG_WRONG_VALUE']);
  });

  test('sets the region that the endpoint serves', () => {
    const config = configFromFlags({ ...FLAGS, region: 'eu-central-1', port: 0 }, '/etc/x');
    expect(config.roles[0]?.imds).toMatchObject({ region: 'eu-central-1', port: 0 });
  });

  test('selects a certificate on a token', () => {
    const onToken = { ...FLAGS, certificate: 'pkcs11:token=x' };
    const { identity } = configFromFlags({ ...onToken, certSelector: { serial: '0a' } }, '/etc/x');
    expect(identity.certificateSelector).toEqual({ serial: '0a' });
    expect(problemsOf({ ...FLAGS, certSelector: { serial: '0a' } })).toEqual(['--cert-selector CONFIG_WRONG_VALUE']);
    expect(problemsOf({ ...onToken, certSelector: { serial: 'x', subject: '' } })).toEqual([
      '--cert-selector CONFIG_WRONG_VALUE',
      '--cert-selector CONFIG_WRONG_VALUE',
    ]);
  });

  test('reports every problem at its flag', () => {
    expect(problemsOf({ ...FLAGS, region: 'us-east-1' })).toEqual(['--region CONFIG_WRONG_VALUE']);
    expect(problemsOf({ privateKey: 'x', sessionDuration: 1, port: 70_000 })).toEqual([
      '--certificate CONFIG_MISSING_KEY',
      '--role-arn CONFIG_MISSING_KEY',
      '--session-duration CONFIG_WRONG_VALUE',
      '--port CONFIG_WRONG_VALUE',
      '--trust-anchor-arn CONFIG_MISSING_KEY',
      '--profile-arn CONFIG_MISSING_KEY',
    ]);
    expect(problemsOf({ certificate: 'x', roleArn: FLAGS.profileArn ?? '' })).toEqual([
      '--trust-anchor-arn CONFIG_MISSING_KEY',
      '--profile-arn CONFIG_MISSING_KEY',
      '--role-arn ARN_WRONG_KIND',
    ]);
  });
});
