import path from 'node:path';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { onFreePort, type RunningEmulator, type Workshop } from '../support/workshop.ts';

/** Running services with an endpoint, as one scenario needs them, for all clients. */
export interface Stage {
  /** Of STS and S3. */
  readonly services: string;
  /** Of the endpoint. */
  readonly url: string;
  /** Additional variables of clients. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Has a second endpoint, for container credentials; `container` contains the variables that `serve`
 * prints for its client.
 */
export interface ContainerStage extends Stage {
  readonly container: Readonly<Record<string, string>>;
}

export const REGION_TOLD = 'eu-north-1';
/** Clients reach it through a relay, and sign the relay's name. */
export const ANY_HOST = ['--allowed-host', '*'] as const;
const SOON_MS = 30_000;

/**
 * Sessions of an hour, and the next process with the same state directory, whose endpoint is
 * `successor`.
 */
export interface SteadyStage extends ContainerStage {
  readonly successor: string;
}

export async function steadyStage(workshop: Workshop): Promise<SteadyStage> {
  const emulator = await workshop.emulator(...ANY_HOST);
  const stateDirectory = path.join(workshop.directory, 'state');
  const config = `${withRegion(onFreePort(emulator.config))}\nstateDirectory: ${stateDirectory}\n`;
  const { url, program } = await workshop.daemon(withContainerEndpoint(config));
  await credentialsAt(url);
  const { url: successor } = await workshop.daemon(config);
  await credentialsAt(successor);
  return { services: emulator.url, url, container: await containerVariables(program), successor };
}

/**
 * Sessions so short that a client sees several of them, but long enough for SDKs that stop 15
 * seconds early.
 */
export async function shortStage(workshop: Workshop): Promise<Stage> {
  const emulator = await workshop.emulator(...ANY_HOST, '--grant-seconds', '40');
  const { url } = await workshop.daemon(onFreePort(emulator.config));
  await credentialsAt(url);
  return { services: emulator.url, url };
}

/** Sessions of an hour, on a separate clock, which the workshop's programs must use too. */
export async function hourStage(workshop: Workshop, environment: Readonly<Record<string, string>>): Promise<Stage> {
  const emulator = await workshop.emulator(...ANY_HOST);
  const { url } = await workshop.daemon(onFreePort(emulator.config));
  await credentialsAt(url);
  return { services: emulator.url, url, environment };
}

export interface OutageStage extends ContainerStage {
  /** Resolves when nothing is served any more. */
  readonly expired: () => Promise<void>;
}

/** The service is down and a renewal has failed, but the session has at least a minute left. */
export async function outageStage(workshop: Workshop): Promise<OutageStage> {
  const emulator = await workshop.emulator(...ANY_HOST, '--grant-seconds', '120');
  const { url, program } = await workshop.daemon(withContainerEndpoint(onFreePort(emulator.config)));
  await credentialsAt(url);
  await breakDown(emulator);
  await eventually('a renewal that fails', 120_000, async () => ((await refusals(emulator)) > 0 ? true : undefined));
  const expired = async (): Promise<void> => {
    await eventually('the end of the session', 150_000, async () =>
      (await readCredentials(url)).status === 503 ? true : undefined,
    );
  };
  return { services: emulator.url, url, container: await containerVariables(program), expired };
}

/** The service is down from the start. */
export async function emptyStage(workshop: Workshop): Promise<Stage> {
  const emulator = await workshop.emulator(...ANY_HOST);
  await breakDown(emulator);
  const { url } = await workshop.daemon(onFreePort(emulator.config));
  return { services: emulator.url, url };
}

function withRegion(config: string): string {
  return config.replace('listen: "127.0.0.1:0"', `listen: "127.0.0.1:0", region: ${REGION_TOLD}`);
}

function withContainerEndpoint(config: string): string {
  const named = config.replace(/^( {2}- roleArn: .*)$/m, '$1\n    name: device');
  return `${named}\ncontainer: { listen: "127.0.0.1:0", tokens: [{ client: app, roles: [device], file: app.token }] }\n`;
}

async function containerVariables(program: RunningProgram): Promise<Record<string, string>> {
  const [, uri = '', file = ''] = await program.says(/_FULL_URI=(\S+) \S+_FILE=(\S+) # app\n/);
  return { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file };
}

async function credentialsAt(url: string): Promise<void> {
  await eventually('credentials', SOON_MS, async () => (await readCredentials(url)).document);
}

async function breakDown({ url }: RunningEmulator): Promise<void> {
  await fetch(`${url}/_emulator/faults`, { method: 'PUT', body: JSON.stringify({ createSession: { status: 503 } }) });
}

async function refusals({ url }: RunningEmulator): Promise<number> {
  const calls = (await (await fetch(`${url}/_emulator/calls`)).json()) as {
    readonly createSession: { readonly byStatus: Readonly<Record<string, number>> };
  };
  return calls.createSession.byStatus[503] ?? 0;
}
