import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { expect, onTestFinished } from 'vitest';
import { type ServerLimits, serverLimits } from '../../src/endpoints/bounded-server.ts';
import type { HeldSession } from '../../src/endpoints/held-session.ts';
import { buildListener, closeServer } from '../../src/endpoints/listener.ts';
import { requestGuard } from '../../src/endpoints/request-guard.ts';
import type { LogFields, LogLevel } from '../../src/foundation/logger.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { failure } from '../../src/imds/answer.ts';
import { imdsHandler } from '../../src/imds/imds-handler.ts';
import { type MetadataTokens, metadataTokens } from '../../src/imds/metadata-token.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { type HeaderLines, rawExchange, type RawResponse, requestBytes } from '../support/raw-http.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const TOKEN = '/latest/api/token';
export const CREDENTIALS = '/latest/meta-data/iam/security-credentials';
export const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';

/** Session number `n`; each part carries the number, so that a mixture would show. */
export function roleSession(n: number, clock: { now(): number }, seconds = 3_600): RoleSession {
  const receivedAt = clock.now();
  return {
    accessKeyId: `ASIASESSION${n}`,
    secretAccessKey: new Secret(`the-secret-key/${n}`),
    sessionToken: new Secret(`the-session-token/${n}`),
    expiration: receivedAt + seconds * 1_000,
    receivedAt,
    assumedRoleArn: 'arn:aws:sts::123456789012:assumed-role/R/s',
    sourceIdentity: undefined,
    subjectArn: undefined,
    requestId: undefined,
  };
}

export interface EndpointOptions {
  readonly roleName?: string;
  readonly region?: string;
  readonly availabilityZone?: string;
  readonly host?: string;
  readonly allowedHosts?: readonly string[];
  readonly key?: Buffer;
  readonly listener?: string;
  readonly limits?: Partial<ServerLimits>;
  readonly session?: HeldSession;
  readonly tokens?: MetadataTokens;
  readonly clock?: VirtualClock;
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A listening endpoint with one good session, its clock standing still; closed when the test ends. */
export class Endpoint {
  readonly clock: VirtualClock;
  readonly log: LogLine[] = [];
  #server: Server | undefined;
  /** What the endpoint's session source holds; tests set it as they like. */
  session: RoleSession | undefined;

  private constructor(options: EndpointOptions) {
    this.clock = options.clock ?? new VirtualClock();
    this.session = roleSession(1, this.clock);
  }

  static async open(options: EndpointOptions = {}): Promise<Endpoint> {
    const endpoint = new Endpoint(options);
    const { host = '127.0.0.1' } = options;
    endpoint.#server = await endpoint.#listener(options);
    endpoint.#server.listen({ host, port: 0 });
    await once(endpoint.#server, 'listening');
    onTestFinished(() => endpoint.close());
    return endpoint;
  }

  #listener(options: EndpointOptions): Promise<Server> {
    const { roleName = 'R', region, availabilityZone, key = randomBytes(32), listener = 'a test endpoint' } = options;
    return buildListener({
      kind: 'imds',
      guard: requestGuard({ host: options.host ?? '127.0.0.1', allowedHosts: options.allowedHosts ?? [] }),
      handler: imdsHandler({
        endpoint: {
          ...(region !== undefined && { region }),
          ...(availabilityZone !== undefined && { availabilityZone }),
        },
        role: { name: roleName, accountId: '123456789012', partition: 'aws' },
        session: options.session ?? { current: () => this.session, waitForFirst: () => Promise.resolve() },
        tokens: options.tokens ?? metadataTokens({ key, listener }),
        clock: this.clock,
      }),
      failure,
      limits: { ...serverLimits, ...options.limits },
      clock: this.clock,
      log: (level, message, fields) => void this.log.push({ level, message, fields }),
    });
  }

  get server(): Server {
    if (!this.#server) throw new Error('not open');
    return this.#server;
  }

  close(): Promise<void> {
    return closeServer(this.server);
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Sends the bytes on a new connection and holds the answer against what is true of every answer. */
  async raw(bytes: string): Promise<RawResponse> {
    const response = await rawExchange(this.port, bytes);
    checkAlways(response);
    return response;
  }

  request(method: string, target: string, headers: HeaderLines = []): Promise<RawResponse> {
    return this.raw(requestBytes(method, target, [['Host', this.host], ...headers]));
  }

  async token(ttl = '21600'): Promise<string> {
    const { status, body } = await this.request('PUT', TOKEN, [[TTL_HEADER, ttl]]);
    expect(status).toBe(200);
    return body;
  }

  /** A GET with a token of its own. */
  async get(target: string, headers: HeaderLines = []): Promise<RawResponse> {
    return this.request('GET', target, [['X-aws-ec2-metadata-token', await this.token()], ...headers]);
  }
}

/** What no answer of the endpoint may break, whatever was asked. */
export function checkAlways({ status, headers, body }: RawResponse): void {
  expect([200, 400, 401, 403, 404, 405, 503]).toContain(status);
  expect(headers['content-length']).toMatch(/^\d+$/);
  expect(headers).not.toHaveProperty('transfer-encoding');
  expect(headers).not.toHaveProperty('content-encoding');
  expect(headers).not.toHaveProperty('location');
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  if (status === 200) return;
  expect(body).not.toContain('the-s');
  expect(body).not.toContain('ASIA');
  expect(body.length).toBeLessThan(300);
}
