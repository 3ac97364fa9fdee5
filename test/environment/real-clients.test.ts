import { execFile } from 'node:child_process';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { checkEnvironment } from '../../src/environment/check-environment.ts';
import type { Client } from '../../src/environment/clients.ts';
import { readSharedFiles } from '../../src/environment/shared-files.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, onFreePort, type RunningEmulator } from '../support/workshop.ts';

// What the rules say of a client is what the client does: it is hurt exactly where it does not sign with the served session, and well
// again where nothing is found. Real clients, each environment for itself.

let workshop: Workshop;
let emulator: RunningEmulator;
let url: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  ({ url } = await workshop.daemon(onFreePort(emulator.config)));
  await eventually('credentials', 15_000, async () => (await readCredentials(url)).document);
  return workshop.close;
});

interface Case {
  readonly title: string;
  /** Added to what `imds-anywhere env` sets; undefined takes a variable away. */
  readonly environment?: (url: string) => Readonly<Record<string, string | undefined>>;
  readonly config?: string;
  readonly credentials?: string;
}

const KEYS = 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = marked\n';
const endpoint = (value: string): Record<string, string> => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: value });

const CASES: readonly Case[] = [
  { title: 'nothing in the way' },
  {
    title: 'static keys',
    environment: () => ({ AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE', AWS_SECRET_ACCESS_KEY: 'marked' }),
  },
  { title: 'half of the static keys', environment: () => ({ AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE' }) },
  { title: 'empty static keys', environment: () => ({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }) },
  {
    title: 'static keys beside a profile',
    environment: () => ({ AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'marked', AWS_PROFILE: 'ci' }),
    config: '[profile ci]\noutput = json\n',
  },
  {
    title: 'web identity',
    environment: () => ({
      AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent',
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/x',
    }),
  },
  { title: 'web identity without a role', environment: () => ({ AWS_WEB_IDENTITY_TOKEN_FILE: '/nonexistent' }) },
  { title: 'keys in the default profile', credentials: `[default]\n${KEYS}` },
  { title: 'indented keys', credentials: `[default]\n  ${KEYS.replace('\n', '\n  ')}` },
  { title: 'an indented section', config: ' [default]\n output = json\n' },
  { title: 'half of the keys', credentials: '[default]\naws_access_key_id = AKIA1\n' },
  { title: 'the other half', credentials: '[default]\naws_secret_access_key = marked\n' },
  { title: 'empty keys', credentials: '[default]\naws_access_key_id =\naws_secret_access_key =\n' },
  { title: 'a setting twice', config: '[default]\noutput = json\noutput = text\n' },
  { title: 'a byte order mark', config: '\uFEFF[default]\noutput = json\n' },
  { title: 'keys in the default profile of the configuration', config: `[default]\n${KEYS}` },
  { title: 'keys in a profile that is not used', credentials: `[other]\n${KEYS}` },
  {
    title: 'keys in the profile that is used',
    environment: () => ({ AWS_PROFILE: 'other' }),
    credentials: `[other]\n${KEYS}`,
  },
  {
    title: 'keys in the older variable’s profile',
    environment: () => ({ AWS_DEFAULT_PROFILE: 'other' }),
    credentials: `[other]\n${KEYS}`,
  },
  { title: 'a profile that is not there', environment: () => ({ AWS_PROFILE: 'gone' }) },
  {
    title: 'a credential process',
    config: `[default]\ncredential_process = echo '{"Version":1,"AccessKeyId":"AKIA1","SecretAccessKey":"x"}'\n`,
  },
  {
    title: 'a single sign-on',
    config:
      '[default]\nsso_start_url = https://x.example/start\nsso_region = eu-central-1\nsso_account_id = 123456789012\nsso_role_name = x\n',
  },
  {
    title: 'a web identity in the profile',
    config: '[default]\nrole_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /nonexistent\n',
  },
  { title: 'a section twice', config: '[default]\noutput = json\n[default]\noutput = text\n' },
  { title: 'a line that is nothing', config: '[default]\nnonsense\n' },
  { title: 'a setting before all sections', config: 'output = json\n' },
  {
    title: 'comments and nested settings',
    config: '# x\n; y\n\n[default] # z\ns3 =\n  max_concurrent_requests = 4\noutput = json\n',
  },
  ...['true', 'TRUE', '1', 'false', 'yes'].map((value) => ({
    title: `metadata disabled: ${value}`,
    environment: () => ({ AWS_EC2_METADATA_DISABLED: value }),
  })),
  {
    title: 'container credentials',
    environment: () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/x' }),
  },
  { title: 'no endpoint', environment: () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: undefined }) },
  { title: 'an endpoint without scheme', environment: (door) => endpoint(door.replace('http://', '')) },
  { title: 'an https endpoint', environment: (door) => endpoint(door.replace('http', 'https')) },
  { title: 'an endpoint elsewhere', environment: () => endpoint('http://127.0.0.1:1') },
  { title: 'an endpoint by name', environment: (door) => endpoint(door.replace('127.0.0.1', 'localhost')) },
  { title: 'an endpoint with a path', environment: (door) => endpoint(`${door}/role`) },
  { title: 'a trailing slash', environment: (door) => endpoint(`${door}/`) },
  { title: 'an unknown mode', environment: () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'dual' }) },
  ...[
    ...['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_EC2_METADATA_DISABLED', 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE'],
    ...['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
  ].map((name) => ({ title: `${name} is empty`, environment: () => ({ [name]: '' }) })),
  { title: 'a mode', environment: () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: 'ipv6' }) },
  { title: 'a proxy', environment: () => ({ HTTP_PROXY: 'http://127.0.0.1:1' }) },
  { title: 'a proxy, taken back', environment: () => ({ HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: '' }) },
  {
    title: 'a proxy and the door exempt',
    environment: () => ({ http_proxy: 'http://127.0.0.1:1', no_proxy: 'x,127.0.0.1' }),
  },
  { title: 'a proxy and all exempt', environment: () => ({ http_proxy: 'http://127.0.0.1:1', NO_PROXY: '*' }) },
  {
    title: 'a proxy and a range exempt',
    environment: () => ({ http_proxy: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.0/8' }),
  },
  { title: 'no region', environment: () => ({ AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined }) },
  { title: 'the one region', environment: () => ({ AWS_REGION: undefined }) },
  { title: 'the other region', environment: () => ({ AWS_DEFAULT_REGION: undefined }) },
  {
    title: 'a region in the profile',
    config: '[default]\nregion = us-east-1\n',
    environment: () => ({ AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined }),
  },
];

const PROGRAMS: Readonly<Record<string, { readonly client: Client; readonly command: readonly string[] }>> = {
  boto3: {
    client: 'boto3',
    command: ['python3', '-c', 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])'],
  },
  javascript: {
    client: 'JavaScript v3',
    command: [
      process.execPath,
      ...['--input-type=module', '-e'],
      `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
       console.log((await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn)`,
    ],
  },
};

const HAS: Readonly<Record<string, boolean>> = {
  boto3: hasTool('python3', '-c', 'import boto3'),
  javascript: true,
};

for (const [name, { client, command }] of Object.entries(PROGRAMS))
  describeWith(name, HAS[name] ?? false, `${client} is hurt where the check says so`, () => {
    test.each(CASES)('$title', async (each) => {
      const environment = await environmentOf(each);
      const findings = checkEnvironment({
        environment,
        files: await readSharedFiles(environment),
        door: { url, region: undefined },
      });
      const isSaidToBeHurt = findings.some(({ hurts }) => hurts.some(({ clients }) => clients.includes(client)));
      const outcome = await arnFrom(command, environment);
      expect({ worked: outcome.worked, findings }, outcome.said).toEqual({ worked: !isSaidToBeHurt, findings });
    });
  });

async function environmentOf({
  title,
  environment,
  config = '',
  credentials = '',
}: Case): Promise<Record<string, string>> {
  const name = title.replaceAll(/\W+/g, '-');
  const all = {
    PATH: process.env['PATH'],
    HOME: workshop.directory,
    AWS_CONFIG_FILE: await workshop.write(`${name}.config`, config),
    AWS_SHARED_CREDENTIALS_FILE: await workshop.write(`${name}.credentials`, credentials),
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
    AWS_EC2_METADATA_V1_DISABLED: 'true',
    AWS_ENDPOINT_URL_STS: emulator.url,
    ...environment?.(url),
  };
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The emulator's STS answers only to a request that is signed with the session that was served. */
async function arnFrom(
  [program = '', ...args]: readonly string[],
  env: Record<string, string>,
): Promise<{ readonly worked: boolean; readonly said: string }> {
  return new Promise((resolve) => {
    const cwd = path.resolve(import.meta.dirname, '../..');
    execFile(program, args, { env, cwd, timeout: 60_000 }, (error, stdout, stderr) => {
      const worked = /^arn:aws:sts::\d{12}:assumed-role\//.test(stdout);
      resolve({ worked, said: `${stdout}${stderr}${error ? error.message : ''}` });
    });
  });
}
