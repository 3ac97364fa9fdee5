import { beforeAll, expect, test } from 'vitest';
import { DEPLOY, emulatorWithChain, EXTERNAL_ID } from '../support/chained-account.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { type Client, placeOf } from './client.ts';
import { CLIENTS } from './clients.ts';
import { type Answer, talkByLines, talkByProcess } from './conversation.ts';

// Unmodified SDKs that chain by themselves: a profile whose role is assumed with the session that
// the IMDS endpoint serves. The emulator verifies and evaluates both of their calls.

const CHAINING = ['boto3', 'aws-cli-v2', 'javascript-v3', 'go-v2', 'java-v2'];

let workshop: Workshop;
let variables: Readonly<Record<string, string>>;

beforeAll(async () => {
  workshop = await Workshop.open();
  const emulator = await emulatorWithChain(workshop);
  const { url } = await workshop.daemon(onFreePort(emulator.config));
  await eventually('credentials', 30_000, async () => (await readCredentials(url)).document);
  const profile = [
    '[default]',
    `role_arn = ${DEPLOY}`,
    `external_id = ${EXTERNAL_ID}`,
    'credential_source = Ec2InstanceMetadata',
    'region = us-east-1',
  ];
  variables = {
    HOME: workshop.directory,
    AWS_CONFIG_FILE: await workshop.write('config', `${profile.join('\n')}\n`),
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: url,
    AWS_ENDPOINT_URL_STS: emulator.url,
  };
  return workshop.close;
});

function isInstalled(client: Client): boolean {
  try {
    client.version(placeOf(client));
    return true;
  } catch (error) {
    if (process.env['CI']) throw error;
    return false;
  }
}

async function answerOf(client: Client): Promise<Answer> {
  const talk = client.conversation === 'lines' ? talkByLines : talkByProcess;
  const environment = { PATH: process.env['PATH'] ?? '', ...variables };
  const { ask, end } = talk(client.command(placeOf(client)), environment);
  try {
    return await ask('call');
  } finally {
    await end();
  }
}

for (const directory of CHAINING) {
  const client = CLIENTS.find((one) => one.directory === directory);
  if (!client) throw new Error(`the matrix has no client ${directory}`);
  describeWith(client.name, isInstalled(client), `${client.name} with role_arn and credential_source`, () => {
    test('has a session of the role of its profile', { timeout: 180_000 }, async () => {
      expect(await answerOf(client)).toMatchObject({
        kind: 'ok',
        text: expect.stringMatching(/^arn:aws:sts::222233334444:assumed-role\/deploy\//) as string,
      });
    });
  });
}
