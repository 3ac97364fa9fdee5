import { describe, expect, test } from 'vitest';
import { checkEnvironment } from '../../src/environment/check-environment.ts';
import { allBut, type Client } from '../../src/environment/clients.ts';
import { afterEnv } from '../../src/environment/endpoint-variables.ts';
import { parseProfiles } from '../../src/environment/profile-file.ts';
import type { EndpointAddress, Finding, SharedFile } from '../../src/environment/sdk-settings.ts';
import type { Environment } from '../../src/foundation/process-environment.ts';

const ENDPOINT: EndpointAddress = { url: 'http://127.0.0.1:9911', region: 'eu-central-1' };
const READY = afterEnv({}, ENDPOINT);

interface Given {
  readonly environment?: Environment;
  readonly config?: string;
  readonly credentials?: string;
  readonly tokenUnreadable?: string;
  readonly endpoint?: EndpointAddress;
}

function file(path: string, text = ''): SharedFile {
  return { path, unreadable: undefined, ...parseProfiles(text) };
}

function findings({
  environment = READY,
  config,
  credentials,
  tokenUnreadable,
  endpoint = ENDPOINT,
}: Given): readonly Finding[] {
  const files = {
    config: file('/home/x/.aws/config', config),
    credentials: file('/home/x/.aws/credentials', credentials),
    ...NO_BOTO,
    unreadable: tokenUnreadable === undefined ? {} : { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenUnreadable },
  };
  return checkEnvironment({ environment, files, endpoint });
}

const NO_BOTO = { boto: [], olderKeys: [] };

const codes = (given: Given): string[] => findings(given).map(({ code }) => code);

function hurt(given: Given): Client[] {
  return findings(given).flatMap(({ effects }) => effects.flatMap(({ clients }) => clients));
}

describe('after the lines that `env` prints', () => {
  test('there are no findings', () => {
    expect(findings({})).toEqual([]);
  });

  test('a proxy and another NO_PROXY are no problem', () => {
    const environment = afterEnv({ HTTP_PROXY: 'http://proxy.example:3128', NO_PROXY: 'x.example' }, ENDPOINT);
    expect(findings({ environment })).toEqual([]);
  });
});

// real-clients.test.ts compares these rules with the clients themselves.
describe('the endpoint', () => {
  test.each([
    ['http://127.0.0.1:9911', undefined],
    ['http://localhost:9911', undefined],
    ['http://127.0.0.1:9911/', undefined],
    ['http://127.0.0.1:9911/role', 'ENV_ENDPOINT_PATH'],
    ['http://127.0.0.1:9911/role/', 'ENV_ENDPOINT_PATH'],
    ['http://127.0.0.1', 'ENV_ENDPOINT_ELSEWHERE'],
    ['http://169.254.169.254', 'ENV_ENDPOINT_ELSEWHERE'],
    ['http://127.0.0.2:9911', 'ENV_ENDPOINT_ELSEWHERE'],
    ['https://127.0.0.1:9911', 'ENV_ENDPOINT_HTTPS'],
    ['127.0.0.1:9911', 'ENV_ENDPOINT_NO_SCHEME'],
    ['localhost:9911', 'ENV_ENDPOINT_NO_SCHEME'],
    ['ftp://127.0.0.1:9911', 'ENV_ENDPOINT_NOT_A_URL'],
    ['http://127.0.0.1:port', 'ENV_ENDPOINT_NOT_A_URL'],
    ['http://127.0.0.1:9911?x', 'ENV_ENDPOINT_NOT_A_URL'],
    ['http://127.0.0.1:9911\n', 'ENV_ENDPOINT_NOT_A_URL'],
    ['', 'ENV_ENDPOINT_UNSET'],
  ])('%j', (value, code) => {
    const environment = { ...READY, AWS_EC2_METADATA_SERVICE_ENDPOINT: value };
    expect(codes({ environment })).toEqual(code === undefined ? [] : [code]);
    for (const { fix } of findings({ environment }))
      expect(fix).toEqual({ do: 'set', variables: { AWS_EC2_METADATA_SERVICE_ENDPOINT: ENDPOINT.url } });
  });

  test('a password in it is not repeated', () => {
    const environment = { ...READY, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://user:marked@127.0.0.1:9911' };
    expect(JSON.stringify(findings({ environment }))).not.toContain('marked');
  });

  test('in the profile, only affects clients that read no such setting there', () => {
    const environment = { ...READY, AWS_EC2_METADATA_SERVICE_ENDPOINT: undefined };
    const config = '[default]\nec2_metadata_service_endpoint = http://127.0.0.1:9911\n';
    expect(hurt({ environment, config })).toEqual(['JavaScript v2', 'C++', 'CRT']);
  });

  test('on all addresses, or IPv6', () => {
    const environment = { ...READY, AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://[::1]:9911' };
    for (const url of ['http://[::1]:9911', 'http://[::]:9911', 'http://0.0.0.0:9911'])
      expect(codes({ environment: { ...environment, NO_PROXY: '*' }, endpoint: { ...ENDPOINT, url } })).toEqual([]);
  });
});

describe('the container endpoint', () => {
  const endpoint = { ...ENDPOINT, container: 'http://127.0.0.1:9912' };
  const environment = { ...READY, AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9912/v1/credentials/x' };
  const token = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/t' };

  test('is accepted as the target, with a token, even if IMDS is blocked', () => {
    const blocked = { AWS_EC2_METADATA_DISABLED: 'true', AWS_EC2_METADATA_SERVICE_ENDPOINT: undefined };
    expect(codes({ environment: { ...environment, ...token, ...blocked }, endpoint })).toEqual([]);
    expect(codes({ environment, endpoint })).toEqual(['ENV_CONTAINER_TOKEN']);
    expect(findings({ environment: { ...environment, ...token }, endpoint, tokenUnreadable: 'EACCES' })).toMatchObject([
      { code: 'ENV_CONTAINER_TOKEN_UNREADABLE', what: expect.stringMatching(/^\/t,.*\(EACCES\)/) as string },
    ]);
  });

  test('is required for its clients, whatever the IMDS settings are', () => {
    const client = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9912/v1/credentials/x',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/t',
    };
    const of = (variables: Environment, config = ''): Given => ({
      environment: { AWS_REGION: 'r', AWS_DEFAULT_REGION: 'r', ...variables },
      config,
      endpoint: {
        url: client.AWS_CONTAINER_CREDENTIALS_FULL_URI,
        region: undefined,
        container: endpoint.container,
        client,
      },
    });
    expect(codes(of({ ...client, AWS_EC2_METADATA_DISABLED: 'true', HTTP_PROXY: 'http://proxy.example' }))).toEqual([]);
    expect(codes(of({ ...client, AWS_EC2_METADATA_SERVICE_ENDPOINT: '127.0.0.1:9911' }))).toEqual([
      'ENV_ENDPOINT_NO_SCHEME',
    ]);
    expect(codes(of({ ...client, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'dual' }))).toEqual(['ENV_ENDPOINT_MODE']);
    expect(codes(of({ ...client, AWS_ACCESS_KEY_ID: 'x' }))).toEqual(['ENV_STATIC_KEYS']);
    expect(codes(of({ ...client, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '' }))).toEqual(['ENV_CONTAINER_TOKEN']);
    const relative = { ...client, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/x' };
    expect(findings(of(relative))).toMatchObject([
      { code: 'ENV_CONTAINER_CREDENTIALS', fix: { names: ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] } },
    ]);
    for (const elsewhere of [undefined, 'http://127.0.0.1:1/x'])
      expect(findings(of({ AWS_CONTAINER_CREDENTIALS_FULL_URI: elsewhere }))).toMatchObject([
        { code: 'ENV_CONTAINER_UNSET', fix: { do: 'set', variables: client } },
      ]);
    const chained = (source: string): string => `[default]\nrole_arn = x\ncredential_source = ${source}\n`;
    expect(codes(of(client, chained('EcsContainer')))).toEqual([]);
    expect(codes(of(client, chained('Ec2InstanceMetadata')))).toEqual(['ENV_PROFILE_CREDENTIALS']);
  });

  test('is at no other address', () => {
    const CODE = ['ENV_CONTAINER_CREDENTIALS'];
    expect(codes({ environment: { ...environment, ...token } })).toEqual(CODE);
    expect(codes({ environment: { ...environment, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/x' }, endpoint })).toEqual(
      CODE,
    );
    for (const elsewhere of ['http://127.0.0.1:1/x', 'https://127.0.0.1:9912/x', '127.0.0.1:9912', 'x'])
      expect(
        codes({ environment: { ...environment, AWS_CONTAINER_CREDENTIALS_FULL_URI: elsewhere }, endpoint }),
      ).toEqual(CODE);
  });
});

describe('shared files', () => {
  const KEYS = 'aws_access_key_id = AKIA\naws_secret_access_key = marked\n';

  test('keys in the default profile take precedence, those of others do not, and none is repeated', () => {
    expect(codes({ credentials: `[default]\n${KEYS}` })).toEqual(['ENV_PROFILE_CREDENTIALS']);
    expect(codes({ credentials: `[ci]\n${KEYS}` })).toEqual([]);
    expect(codes({ config: `[ci]\n${KEYS}[profile ci]\n` })).toEqual([]);
    expect(JSON.stringify(findings({ credentials: `[default]\n${KEYS}` }))).not.toContain('marked');
  });

  test('only some clients read the older variable', () => {
    const environment = { ...READY, AWS_DEFAULT_PROFILE: 'ci', AWS_PROFILE: 'none' };
    expect(hurt({ environment, credentials: `[ci]\n${KEYS}[none]\n` })).toEqual(['boto3', 'AWS CLI', 'C++']);
  });

  test.each([
    ['credential_process = imds-anywhere credential-process', []],
    ['credential_process = /opt/x/imds-anywhere credential-process', []],
    ['credential_process = aws_signing_helper credential-process', ['ENV_PROFILE_CREDENTIALS']],
    ['role_arn = x\ncredential_source = Ec2InstanceMetadata', []],
    ['role_arn = x\ncredential_source = EcsContainer', ['ENV_PROFILE_CREDENTIALS']],
    ['role_arn = x\nsource_profile = y', ['ENV_PROFILE_ROLE']],
    ['disable_ec2_metadata = true', ['ENV_METADATA_DISABLED']],
    ['disable_ec2_metadata = false', []],
    ['login_session = x', ['ENV_PROFILE_CREDENTIALS']],
    ['sso_session = x', ['ENV_PROFILE_CREDENTIALS']],
    ['aws_access_key_id =', ['ENV_PROFILE_CREDENTIALS']],
    ['aws_secret_access_key = x', ['ENV_PROFILE_CREDENTIALS']],
  ])('%s', (setting, expected) => {
    expect(codes({ config: `[default]\n${setting}\n` })).toEqual(expected);
  });

  test('that cannot be read are reported as unknown', () => {
    const unreadable = { ...file('/home/x/.aws/config'), unreadable: 'EACCES' };
    const found = checkEnvironment({
      environment: READY,
      files: { config: unreadable, credentials: file('/x'), ...NO_BOTO, unreadable: {} },
      endpoint: ENDPOINT,
    });
    expect(found.map(({ code, what }) => [code, what])).toEqual([
      ['ENV_FILE_UNREADABLE', '/home/x/.aws/config cannot be read (EACCES), so its settings are unknown here'],
    ]);
  });
});

describe('an IPv6 endpoint with a proxy', () => {
  const endpoint = { ...ENDPOINT, url: 'http://[::1]:9911' };
  const behind = (list: string): Environment => ({
    ...afterEnv({}, endpoint),
    HTTP_PROXY: 'http://proxy.example:3128',
    NO_PROXY: list,
    no_proxy: undefined,
  });

  test.each<[string, readonly Client[]]>([
    ['::1,[::1]', []],
    ['::1', ['boto3', 'AWS CLI', 'Kotlin']],
    ['[::1]', ['Rust']],
    ['localhost', ['boto3', 'AWS CLI', 'Rust', 'Kotlin']],
  ])('needs both spellings in NO_PROXY: %s', (list, clients) => {
    expect(hurt({ environment: behind(list), endpoint })).toEqual(clients);
  });

  test('has them after the lines of `env`', () => {
    expect(
      findings({ environment: afterEnv({ HTTP_PROXY: 'http://proxy.example:3128' }, endpoint), endpoint }),
    ).toEqual([]);
  });
});

describe('variables that point to other machines, so no client is run with them', () => {
  test.each<[Environment, string]>([
    [{ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/x' }, 'ENV_CONTAINER_CREDENTIALS'],
    [{ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '' }, 'ENV_EMPTY_VARIABLE'],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: undefined }, 'ENV_ENDPOINT_UNSET'],
    [{ AWS_EC2_METADATA_SERVICE_ENDPOINT: ' ' }, 'ENV_ENDPOINT_NOT_A_URL'],
  ])('%j', (variables, code) => {
    expect(codes({ environment: { ...READY, ...variables } })).toEqual([code]);
  });
});

describe('the region', () => {
  const none = { ...READY, AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined };

  test('is requested from the endpoint by some', () => {
    const without = hurt({ environment: none, endpoint: { ...ENDPOINT, region: undefined } });
    const informed = hurt({ environment: none });
    expect(without).toEqual(allBut('CRT'));
    expect(without.filter((client) => !informed.includes(client))).toEqual([
      ...['AWS CLI', 'JavaScript v3', 'Java v2', 'Rust', '.NET', 'C++', 'Kotlin'],
    ]);
  });

  test('is used from existing settings', () => {
    const environment = { ...none, AWS_REGION: 'us-east-1' };
    expect(findings({ environment, endpoint: { ...ENDPOINT, region: undefined } })).toMatchObject([
      { fix: { do: 'set', variables: { AWS_DEFAULT_REGION: 'us-east-1' } }, effects: [{ clients: ['boto3'] }] },
    ]);
  });
});
