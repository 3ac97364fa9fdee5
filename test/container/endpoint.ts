import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { ClientTokenConfig } from '../../src/config/config.ts';
import { containerEndpoint } from '../../src/container/container-endpoints.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { checkAlways, roleSession } from '../imds/endpoint.ts';
import { recordingLog } from '../sessions/support.ts';
import { configOf } from '../support/configuration.ts';
import { type HeaderLines, rawExchange, type RawResponse, requestBytes } from '../support/raw-http.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { opened } from './shared-endpoint.ts';

export const CREDENTIALS = '/v1/credentials';

/** A directory that is gone after the test. */
export async function testDirectory(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-container-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const ROLES = ['uploader', 'reader'] as const;

interface Opened {
  readonly client: ClientTokenConfig;
  readonly clock: VirtualClock;
  readonly lines: ReturnType<typeof recordingLog>['lines'];
  readonly port: number;
  /** What the endpoint serves; tests set it as they like. */
  readonly source: { session: RoleSession | undefined };
}

/** A listening container endpoint with two roles and one client that may have the first of them; its clock stands still. */
export class ContainerEndpoint {
  readonly clock: VirtualClock;
  readonly lines: ReturnType<typeof recordingLog>['lines'];
  readonly port: number;
  readonly #client: ClientTokenConfig;
  readonly #source: Opened['source'];

  static async open(): Promise<ContainerEndpoint> {
    const client = { client: 'app', roles: ['uploader'], file: path.join(await testDirectory(), 'app.token') };
    const clock = new VirtualClock(Date.now());
    const { log, lines } = recordingLog();
    const source = { session: roleSession(1, clock) as RoleSession | undefined };
    const endpoint = containerEndpoint({
      roles: () =>
        ROLES.map((name) => ({
          name,
          roleArn: `arn:aws:iam::123456789012:role/path/${name}`,
          session: { current: () => source.session, waitForFirst: () => Promise.resolve() },
        })),
      admits: () => true,
      limits: serverLimits,
      answered: () => undefined,
      connected: undefined,
      clock,
      log,
    });
    const config = configOf({ container: { host: '127.0.0.1', port: 0, allowedHosts: [], tokens: [client] } });
    const listener = await opened(endpoint, config);
    return new ContainerEndpoint({ client, clock, lines, source, port: Number(new URL(listener.address).port) });
  }

  private constructor({ client, clock, lines, port, source }: Opened) {
    this.#client = client;
    this.clock = clock;
    this.lines = lines;
    this.port = port;
    this.#source = source;
  }

  set session(session: RoleSession | undefined) {
    this.#source.session = session;
  }

  /** What is in the client's file. */
  token(): Promise<string> {
    return readFile(this.#client.file, 'latin1');
  }

  async request(target: string, headers: HeaderLines, method = 'GET'): Promise<RawResponse> {
    const host: HeaderLines = headers.some(([name]) => name === 'Host') ? [] : [['Host', `127.0.0.1:${this.port}`]];
    const response = await rawExchange(this.port, requestBytes(method, target, [...host, ...headers]));
    checkAlways(response);
    expect(response.headers['content-type']).toBe('application/json');
    return response;
  }

  /** With the client's token. */
  async get(target: string, headers: HeaderLines = [], method = 'GET'): Promise<RawResponse> {
    return this.request(target, [['Authorization', await this.token()], ...headers], method);
  }
}
