import { describe, expect, test } from 'vitest';
import { parseProfiles } from '../../src/environment/profile-file.ts';
import { programEnvironment } from '../../src/environment/program-environment.ts';
import type { SharedFiles } from '../../src/environment/sdk-settings.ts';

const ENDPOINT = {
  from: 'endpoint',
  url: 'http://127.0.0.1:1234',
  variables: {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1234/v1/credentials',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'token',
  },
} as const;
const KEYS = { from: 'keys', variables: { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' } } as const;

function filesWith({ config = '', credentials = '', boto = '' }): SharedFiles {
  const file = (path: string, text: string): SharedFiles['config'] => ({
    path,
    unreadable: undefined,
    ...parseProfiles(text),
  });
  return {
    config: file('/config', config),
    credentials: file('/credentials', credentials),
    boto: [file('/etc/boto.cfg', boto)],
    olderKeys: [],
    unreadable: {},
  };
}

const NONE = filesWith({});

test('keeps what has nothing to do with credentials', () => {
  const caller = { PATH: '/bin', AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL: 'http://x', EMPTY: '', GONE: undefined };
  expect(programEnvironment(caller, NONE, ENDPOINT)).toEqual({
    environment: {
      ...{ PATH: '/bin', AWS_REGION: 'eu-central-1', AWS_ENDPOINT_URL: 'http://x', EMPTY: '' },
      ...ENDPOINT.variables,
      ...{ AWS_EC2_METADATA_DISABLED: 'true', NO_PROXY: '127.0.0.1,localhost', no_proxy: '127.0.0.1,localhost' },
    },
    findings: [],
  });
  expect(programEnvironment({ PATH: '/bin' }, NONE, KEYS).environment).toEqual({ PATH: '/bin', ...KEYS.variables });
});

test.each([
  ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_ACCESS_KEY', 'SECRET_ACCESS_KEY'],
  ...['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_CREDENTIAL_FILE', 'AWS_CREDENTIAL_EXPIRATION'],
  ...['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN', 'AWS_EC2_METADATA_SERVICE_ENDPOINT'],
  ...['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'],
])('%s is removed', (name) => {
  expect(programEnvironment({ [name]: 'x' }, NONE, ENDPOINT).environment).not.toHaveProperty(name);
});

describe('the region of the profile', () => {
  const files = filesWith({ config: '[profile work]\nregion = eu-west-1\n[default]\nregion = us-east-1\n' });

  test.each([
    [{ AWS_PROFILE: 'work' }, { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' }],
    [{}, { AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1' }],
    [
      { AWS_PROFILE: 'work', AWS_REGION: 'x' },
      { AWS_REGION: 'x', AWS_DEFAULT_REGION: 'eu-west-1' },
    ],
  ])('of %j becomes %j', (caller, region) => {
    expect(programEnvironment(caller, files, KEYS).environment).toEqual({ ...KEYS.variables, ...region });
  });
});

describe('a file that would take precedence is not read', () => {
  const named = (files: SharedFiles): unknown => {
    const { environment, findings } = programEnvironment({}, files, ENDPOINT);
    expect(findings).toEqual([]);
    const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, BOTO_CONFIG } = environment;
    return { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, BOTO_CONFIG };
  };

  test.each([
    'aws_access_key_id = AKIA1\naws_secret_access_key = x',
    'credential_process = imds-anywhere credential-process --role other',
    'role_arn = arn:aws:iam::1:role/x\ncredential_source = EcsContainer',
    'sso_session = x',
    'web_identity_token_file = /x\nrole_arn = x',
  ])('%j', (settings) => {
    expect(named(filesWith({ credentials: `[default]\n${settings}\n` }))).toEqual({
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    });
    expect(named(filesWith({ config: `[default]\n${settings}\n` }))).toEqual({ AWS_CONFIG_FILE: '/dev/null' });
    expect(named(filesWith({ config: `[profile other]\n${settings}\n` }))).toEqual({});
  });

  test('of boto 2', () => {
    const boto = '[Credentials]\naws_access_key_id = A\naws_secret_access_key = B\n';
    expect(named(filesWith({ boto }))).toEqual({ BOTO_CONFIG: '/dev/null' });
    expect(named(filesWith({ boto: '[Boto]\ndebug = 0\n' }))).toEqual({});
  });
});

test('reports what it cannot change', () => {
  const { findings } = programEnvironment({ JAVA_TOOL_OPTIONS: '-Daws.accessKeyId=x' }, NONE, ENDPOINT);
  expect(findings.map(({ code }) => code)).toEqual(['ENV_JAVA_PROPERTY']);
});

test('extends the list of proxy exemptions that the caller has', () => {
  const exempt = ({ NO_PROXY, no_proxy }: Readonly<Record<string, string>>): unknown => [NO_PROXY, no_proxy];
  const given = (caller: Readonly<Record<string, string>>): unknown =>
    exempt(programEnvironment(caller, NONE, ENDPOINT).environment);
  expect(given({ NO_PROXY: 'corp' })).toEqual(['corp,127.0.0.1,localhost', undefined]);
  expect(given({ no_proxy: 'corp' })).toEqual([undefined, 'corp,127.0.0.1,localhost']);
});
