import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

// Unmodified SDKs with their default chains at the container endpoint of the real program. The
// emulator's STS accepts only requests signed with the served session.

let workshop: Workshop;
let emulator: RunningEmulator;
let imdsUrl: string;
/** The variables that `serve` printed for the client. */
let variables: Record<string, string>;
/** The same for the client whose token does not rotate, as a line of shell. */
let legacyLine: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  const config = emulator.config
    .replace(/^( {2}- roleArn: .*)$/m, '$1\n    name: device\n    imds: { listen: "127.0.0.1:0" }')
    .concat(
      '\ncontainer:\n  listen: 127.0.0.1:0\n  tokens:\n    - { client: app, roles: [device], file: app.token }\n    - { client: legacy, roles: [device], file: legacy.token, rotate: false }\n',
    );
  const daemon = await workshop.daemon(config);
  imdsUrl = daemon.url;
  const [, uri = '', file = ''] = await daemon.program.says(/_FULL_URI=(\S+) \S+_FILE=(\S+) # app\n/);
  variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file };
  [, legacyLine = ''] = await daemon.program.says(/^(export .*) # legacy$/m);
  await eventually('credentials', 15_000, async () => (await readCredentials(imdsUrl)).document);
  return workshop.close;
});

interface Run {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function client(program: string, args: readonly string[], env: Record<string, string>): Promise<Run> {
  const environment = {
    PATH: process.env['PATH'],
    HOME: workshop.directory,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_STS: emulator.url,
    ...env,
  };
  return new Promise((resolve) => {
    execFile(program, args, { env: environment, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, stdout, stderr });
    });
  });
}

const ASSUMED = /^arn:aws:sts::\d{12}:assumed-role\/[\w+=,.@-]+\/[0-9a-f]+\n$/;

const JAVASCRIPT = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
  console.log((await new STSClient().send(new GetCallerIdentityCommand())).Arn);`;

describe('the SDK for JavaScript', () => {
  const ask = (env: Record<string, string>): Promise<Run> =>
    client(process.execPath, ['--input-type=module', '--eval', JAVASCRIPT], env);

  test('signs with the served session', async () => {
    expect((await ask(variables)).stdout).toMatch(ASSUMED);
  });

  test('gets none with an unknown token', async () => {
    const file = path.join(workshop.directory, 'wrong.token');
    await writeFile(file, 'A'.repeat(43));
    expect(await ask({ ...variables, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file })).toMatchObject({ failed: true });
  });
});

describe('fromContainerMetadata() of JavaScript v3, which knows no token file', () => {
  const PROVIDER = `import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
    import { fromContainerMetadata } from '@smithy/credential-provider-imds';
    const sts = new STSClient({ credentials: fromContainerMetadata() });
    console.log((await sts.send(new GetCallerIdentityCommand())).Arn);`;
  const ask = (env: Record<string, string>): Promise<Run> =>
    client(process.execPath, ['--input-type=module', '--eval', PROVIDER], env);

  test('signs with a token that does not rotate, from the line that serve prints', async () => {
    const line = `eval "$LINE"; exec "$NODE" --input-type=module --eval "$PROVIDER"`;
    const env = { LINE: legacyLine, NODE: process.execPath, PROVIDER };
    expect((await client('sh', ['-c', line], env)).stdout).toMatch(ASSUMED);
  });

  test('gets none without the variable', async () => {
    expect(await ask(variables)).toMatchObject({ failed: true });
  });
});

describeWith('python3 with boto3', hasTool('python3', '-c', 'import boto3'), 'boto3', () => {
  const PYTHON = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])';
  const ask = (env: Record<string, string>): Promise<Run> => client('python3', ['-c', PYTHON], env);

  test('signs with the served session', async () => {
    expect((await ask(variables)).stdout).toMatch(ASSUMED);
  });

  test('case 43: a proxy in the environment, and the fix of `env`', async () => {
    const { stdout } = await run(['env', '--shell', 'dotenv']);
    const proxies = Object.fromEntries(
      stdout
        .split('\n')
        .filter((line) => /^no_proxy=/i.test(line))
        .map((line) => line.split('=') as [string, string]),
    );
    const dead = { HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1' };
    const imds = { AWS_EC2_METADATA_DISABLED: 'false', AWS_EC2_METADATA_SERVICE_ENDPOINT: imdsUrl };
    expect((await ask({ ...imds, ...dead })).failed).toBe(true);
    expect((await ask({ ...imds, ...dead, ...proxies })).stdout).toMatch(ASSUMED);
    expect((await ask({ ...variables, ...dead, ...proxies })).stdout).toMatch(ASSUMED);
  });
});
