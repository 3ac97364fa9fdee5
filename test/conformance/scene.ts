import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { endpointVariables } from '../../src/environment/endpoint-variables.ts';
import { type Client, placeOf } from './client.ts';
import { type Conversation, talkByLines, talkByProcess } from './conversation.ts';
import { failed, type Outcome } from './outcome.ts';
import type { Stage } from './stages.ts';
import { Witness } from './witness.ts';

type Variables = Readonly<Record<string, string>>;

export interface Scene {
  readonly client: Client;
  readonly stage: Stage;
  /** The variables that point the client at credentials. A second endpoint has other ones. */
  readonly endpoint: Variables;
  /** Absent: the client must find it. */
  readonly region?: string | undefined;
}

/** The usual variables for the endpoint of a stage, as printed by `imds-anywhere env`. */
export function imds(url: string): Variables {
  const variables = Object.entries(endpointVariables({ url, region: undefined }));
  return Object.fromEntries(variables.filter(([name]) => name !== 'AWS_EC2_METADATA_V1_DISABLED'));
}

/** Runs a client with only these variables in its environment. Never rejects. */
export async function play(
  scene: Scene,
  talk: (conversation: Conversation, witness: Witness) => Promise<Outcome>,
): Promise<Outcome> {
  const { client, stage } = scene;
  const witness = await Witness.before(stage.services);
  const begin = client.conversation === 'lines' ? talkByLines : talkByProcess;
  const conversation = begin(client.command(placeOf(client)), await environment(scene, witness.url));
  try {
    return await talk(conversation, witness);
  } catch (error) {
    return failed(String(error));
  } finally {
    await conversation.end();
    witness.close();
  }
}

async function environment({ endpoint, region, stage }: Scene, services: string): Promise<Record<string, string>> {
  const home = path.join(process.cwd(), '.cache/conformance/home');
  await mkdir(home, { recursive: true });
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    // Java gets the home directory from elsewhere.
    AWS_CONFIG_FILE: path.join(home, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: path.join(home, 'credentials'),
    ...(region !== undefined && { AWS_REGION: region, AWS_DEFAULT_REGION: region }),
    ...stage.environment,
    AWS_ENDPOINT_URL_STS: services,
    AWS_ENDPOINT_URL_S3: services,
    ...endpoint,
  };
}
