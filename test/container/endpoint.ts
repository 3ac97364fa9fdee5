import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { ClientTokenConfig } from '../../src/config/config.ts';
import { ClientTokens } from '../../src/container/client-tokens.ts';
import { containerHandler } from '../../src/container/container-handler.ts';
import { failure } from '../../src/container/credential-answer.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import { buildListener, closeServer } from '../../src/endpoints/listener.ts';
import { occasionalLog } from '../../src/endpoints/occasional-log.ts';
import { requestGuard } from '../../src/endpoints/request-guard.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { checkAlways, roleSession } from '../imds/endpoint.ts';
import { recordingLog } from '../sessions/support.ts';
import { type HeaderLines, rawExchange, type RawResponse, requestBytes } from '../support/raw-http.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

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
  readonly server: Server;
  /** What the endpoint serves; tests set it as they like. */
  readonly source: { session: RoleSession | undefined };
}

/** A listening container endpoint with two roles and one client that may have the first of them; its clock stands still. */
export class ContainerEndpoint {
  readonly clock: VirtualClock;
  readonly lines: ReturnType<typeof recordingLog>['lines'];
  readonly #server: Server;
  readonly #client: ClientTokenConfig;
  readonly #source: Opened['source'];

  static async open(): Promise<ContainerEndpoint> {
    const client = { client: 'app', roles: ['uploader'], file: path.join(await testDirectory(), 'app.token') };
    const clock = new VirtualClock(Date.now());
    const { log, lines } = recordingLog();
    const tokens = new ClientTokens({ clock, log });
    await tokens.follow([client]);
    const source = { session: roleSession(1, clock) as RoleSession | undefined };
    const server = await buildListener({
      kind: 'container',
      guard: requestGuard({ host: '127.0.0.1', allowedHosts: [] }),
      handler: containerHandler({
        roles: () =>
          ROLES.map((name) => ({
            name,
            roleArn: `arn:aws:iam::123456789012:role/path/${name}`,
            session: { current: () => source.session, waitForFirst: () => Promise.resolve() },
          })),
        clientOf: (headers) => {
          const known = tokens.clientOf(headers);
          return known && { client: known.client, mayHave: ({ name }) => known.roles.includes(name) };
        },
        refused: occasionalLog(log, clock, 'container request refused'),
      }),
      failure,
      limits: serverLimits,
      clock,
      log,
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      await closeServer(server);
      await tokens.stop();
    });
    return new ContainerEndpoint({ client, clock, lines, server, source });
  }

  private constructor({ client, clock, lines, server, source }: Opened) {
    this.#client = client;
    this.clock = clock;
    this.lines = lines;
    this.#server = server;
    this.#source = source;
  }

  set session(session: RoleSession | undefined) {
    this.#source.session = session;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
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
