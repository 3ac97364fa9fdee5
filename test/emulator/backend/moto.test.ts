// Unmodified boto3 with nine services of moto behind the emulator.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/foundation/clock.ts';
import { EXAMPLE_TOOLS, EXAMPLE_TOOLS_NAME, hasExampleTools, Moto } from '../../support/moto.ts';
import { describeWith } from '../../support/tools.ts';
import { credentialsOf, Emulated, permissionsPolicy } from '../support/emulated.ts';

const ALL_BUT_DELETION = [
  { Effect: 'Allow', Action: '*', Resource: '*' },
  {
    Effect: 'Deny',
    Action: [
      's3:DeleteBucket',
      'sqs:Purge*',
      'ssm:Delete*',
      'logs:Delete*',
      'ecr:Delete*',
      'codedeploy:Delete*',
      'dynamodb:Delete*',
      'secretsmanager:Delete*',
      'sns:*',
    ],
    Resource: '*',
  },
];

describeWith(EXAMPLE_TOOLS_NAME, hasExampleTools(), 'boto3, the emulator and moto', () => {
  let home: string;
  let moto: Moto;
  let emulated: Emulated;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-moto-'));
    moto = await Moto.start(home);
    const role = { policies: [permissionsPolicy('all', ...ALL_BUT_DELETION)] };
    emulated = await Emulated.start({ role }, { clock: systemClock, backend: new URL(moto.url) });
  }, 150_000);
  afterAll(async () => {
    await emulated.stop();
    await moto.close();
    await rm(home, { recursive: true, force: true });
  });

  test('what is allowed works as at AWS, and what is denied says so', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = credentialsOf(
      await emulated.createSession({ at: Date.now() }),
    );
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      AWS_ENDPOINT_URL: emulated.url,
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    };
    const script = path.join(import.meta.dirname, 'services.py');
    const options = { env, timeout: 150_000 };
    const { stdout } = await promisify(execFile)(path.join(EXAMPLE_TOOLS, 'python3'), [script], options);
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 6)).toEqual([
      'S3: whole, in parts, unsigned, copied, listed, deleted',
      'S3: links of version 4, none of version 2',
      'SQS: the URL of the queue leads through the emulator',
      "Secrets Manager: in the caller's account, by name and by ARN",
      'SSM, CloudWatch Logs, ECR, CodeDeploy',
      'DynamoDB',
    ]);
    const denials = lines.slice(6);
    expect(denials).toHaveLength(9);
    for (const denial of denials)
      expect(denial).toMatch(
        /User: arn:aws:sts::111122223333:assumed-role\/device\/5a01 is not authorized to perform: \w+:\w+ on resource: \S+ with an explicit deny in an identity-based policy$/,
      );
  }, 180_000);
});
