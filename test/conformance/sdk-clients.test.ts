import { execFile } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, onFreePort, type RunningEmulator } from '../support/workshop.ts';

// Unmodified SDKs with their default chains, against the program as it is shipped. The proof is at the emulator's STS: it answers
// only to a request signed with the session that was served.

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

interface Run {
  readonly failed: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function client(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve) => {
    const environment = {
      PATH: process.env['PATH'],
      HOME: workshop.directory,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
      AWS_EC2_METADATA_V1_DISABLED: 'true',
      AWS_ENDPOINT_URL_STS: emulator.url,
      ...env,
    };
    execFile(program, args, { env: environment, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, stdout, stderr });
    });
  });
}

const ASSUMED = /^arn:aws:sts::\d{12}:assumed-role\/[\w+=,.@-]+\/[0-9a-f]+\n$/;

describeWith('python3 with boto3', hasTool('python3', '-c', 'import boto3'), 'boto3', () => {
  const program = 'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])';

  test('signs with the served session', async () => {
    expect((await client('python3', ['-c', program])).stdout).toMatch(ASSUMED);
  });

  test('with a trailing slash on the endpoint', async () => {
    const run = await client('python3', ['-c', program], { AWS_EC2_METADATA_SERVICE_ENDPOINT: `${url}/` });
    expect(run.stdout).toMatch(ASSUMED);
  });

  test('has no credentials, and says so, when nothing can be served', async () => {
    const nothing = onFreePort(emulator.config).replace(/endpoint: \S+/, 'endpoint: http://127.0.0.1:1');
    const down = await workshop.daemon(nothing);
    const run = await client('python3', ['-c', program], { AWS_EC2_METADATA_SERVICE_ENDPOINT: down.url });
    expect(run.failed).toBe(true);
    expect(run.stderr).toContain('NoCredentialsError');
  });
});
