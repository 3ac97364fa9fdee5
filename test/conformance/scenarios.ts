import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCredentials } from '../support/imds-client.ts';
import type { Client } from './client.ts';
import { failed, type Outcome, refused, served } from './outcome.ts';
import { openRelay } from './relay.ts';
import { imds, play } from './scene.ts';
import { type ContainerStage, REGION_TOLD, type Stage, type SteadyStage } from './stages.ts';
import type { Witness } from './witness.ts';

export type Scenario<S = Stage> = (client: Client, stage: S) => Promise<Outcome>;

/** Scenarios that this machine cannot run. */
export function leftOut(text: string): Scenario<undefined> {
  return () => Promise.resolve({ kind: 'outside', text });
}

type Endpoint<S extends Stage> = (stage: S) => Readonly<Record<string, string>>;

const imdsEndpoint: Endpoint<Stage> = ({ url }) => imds(url);
/** There are no other credentials, so a signed request used this endpoint. */
const containerEndpoint: Endpoint<ContainerStage> = ({ container }) => ({
  ...container,
  AWS_EC2_METADATA_DISABLED: 'true',
});

/** The client calls once, and signs with the served session. */
function callsOnce<S extends Stage>(endpoint: Endpoint<S>): Scenario<S> {
  return async (client, stage) => {
    const { document } = await readCredentials(stage.url);
    return play({ client, stage, endpoint: endpoint(stage), region: 'us-east-1' }, async (conversation, witness) =>
      served(await conversation.ask('call'), witness, document?.AccessKeyId),
    );
  };
}

export const calls = callsOnce(imdsEndpoint);
export const callsWithoutV1 = callsOnce(({ url }) => ({ ...imds(url), AWS_EC2_METADATA_V1_DISABLED: 'true' }));
export const callsBehindSlash = callsOnce(({ url }) => imds(`${url}/`));
export const callsAsContainer = callsOnce(containerEndpoint);

/**
 * The token comes from one process, and everything else from the next one, with the same state
 * directory.
 */
export const callsAcrossRestart: Scenario<SteadyStage> = async (client, stage) => {
  const target = ({ method }: IncomingMessage): string => (method === 'PUT' ? stage.url : stage.successor);
  const relay = await openRelay({ target, renamesHost: true });
  try {
    return await play(
      { client, stage, endpoint: imds(relay.url), region: 'us-east-1' },
      async (conversation, witness) => served(await conversation.ask('call'), witness),
    );
  } finally {
    relay.close();
  }
};

export const findsRegion: Scenario = (client, stage) =>
  play({ client, stage, endpoint: imds(stage.url) }, async (conversation) => {
    const { kind, text } = await conversation.ask('region');
    return kind === 'ok' && text === REGION_TOLD ? { kind: 'passed', text } : failed(`${kind}: ${text}`);
  });

/** Without a session, the client reports that and sends nothing. */
function refusesToCall<S extends Stage>(endpoint: Endpoint<S>): Scenario<S> {
  return (client, stage) =>
    play({ client, stage, endpoint: endpoint(stage), region: 'us-east-1' }, async (conversation, witness) =>
      refused(await conversation.ask('call'), witness, client.goesAnonymous),
    );
}

export const findsNothing = refusesToCall(imdsEndpoint);
export const findsNothingAsContainer = refusesToCall(containerEndpoint);

const SESSIONS = 4;
const LONGEST_MS = 240_000;

/** One client keeps calling until it has signed with four sessions; no call may fail. */
export const outlivesRenewals: Scenario = (client, stage) =>
  play({ client, stage, endpoint: imds(stage.url), region: 'us-east-1' }, async (conversation, witness) => {
    const deadline = Date.now() + LONGEST_MS;
    while (Date.now() < deadline) {
      const outcome = served(await conversation.ask('call'), witness);
      if (outcome.kind !== 'passed' || sessionsIn(witness) >= SESSIONS) return outcome;
      // A process for each call costs a second of CPU.
      await halfPast(client.conversation === 'process' ? 4 : 1);
    }
    return failed(`it signed with ${sessionsIn(witness)} sessions within ${LONGEST_MS / 1000} s`);
  });

/**
 * Sessions expire on a whole second. Some SDKs use them until the end, and a request in flight then
 * would be too late.
 */
async function halfPast(seconds: number): Promise<void> {
  const now = Date.now();
  await sleep(Math.floor(now / 1000 + seconds) * 1000 + 500 - now);
}

function sessionsIn({ seen }: Witness): number {
  return new Set(seen.map(({ accessKeyId }) => accessKeyId)).size;
}
