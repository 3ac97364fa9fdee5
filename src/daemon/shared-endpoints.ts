import type { AccessControl } from '../access/access-control.ts';
import type { EndpointSnapshot } from '../admin/snapshot.ts';
import type { Config, ContainerConfig, RoleConfig, SocketConfig } from '../config/config.ts';
import { ClientTokens } from '../container/client-tokens.ts';
import {
  type Client,
  containerHandler,
  type ContainerParts,
  type ContainerRole,
} from '../container/container-handler.ts';
import { failure } from '../container/credential-answer.ts';
import type { ServerLimits } from '../endpoints/bounded-server.ts';
import { listenAt, listenAtPath, type ListenerMove, MovableListener } from '../endpoints/listen.ts';
import { buildListener, type ListenerParts } from '../endpoints/listener.ts';
import { occasionalLog } from '../endpoints/occasional-log.ts';
import type { RequestHeaders } from '../endpoints/request.ts';
import { type RequestGuard, requestGuard } from '../endpoints/request-guard.ts';
import type { Clock } from '../foundation/clock.ts';
import { type Log, withFields } from '../foundation/logger.ts';
import type { Observers } from './observers.ts';
import type { ServedRole } from './served-roles.ts';

export interface SharedEndpointsParts {
  readonly roles: () => readonly ServedRole[];
  readonly access: AccessControl;
  readonly limits: ServerLimits;
  readonly answered: Observers['answered'];
  readonly clock: Clock;
  readonly log: Log;
}

/** Every process that can connect to the socket. */
const SOCKET_CLIENT: Client = { client: 'socket', mayHave: () => true };

/** Its own user and root: the only users who may use a role without `allow`. */
const OWN_MODE = 0o600;
/** The connection identifies the user. */
const OPEN_MODE = 0o666;

/**
 * The endpoints that serve many roles at one address: container credentials over TCP, and over a
 * Unix socket.
 */
export class SharedEndpoints {
  readonly #parts: SharedEndpointsParts;
  readonly #tokens: ClientTokens;
  readonly #container: MovableListener<ContainerConfig>;
  readonly #socket: MovableListener<SocketConfig>;
  #guard: RequestGuard = requestGuard({ host: '127.0.0.1', allowedHosts: [] });

  constructor(parts: SharedEndpointsParts) {
    this.#parts = parts;
    this.#tokens = new ClientTokens(parts);
    this.#container = new MovableListener(
      ({ host, port }) => `${host} ${port}`,
      async (wanted) => {
        const guard: RequestGuard = (request) => this.#guard(request);
        const server = await buildListener(this.#listener('container', guard, (headers) => this.#clientOf(headers)));
        return listenAt(server, wanted, 'the container endpoint');
      },
    );
    this.#socket = new MovableListener(
      ({ path }) => path,
      async ({ path }) => {
        const guard = requestGuard({ host: 'localhost', allowedHosts: [] });
        const server = await buildListener(this.#listener('socket', guard, () => SOCKET_CLIENT));
        return listenAtPath(server, { path, mode: OWN_MODE, make: 0o755 });
      },
    );
  }

  /** The number of open endpoints. */
  get count(): number {
    return [this.#container, this.#socket].filter(({ address }) => address !== undefined).length;
  }

  /** `http://127.0.0.1:9913`; undefined if there is none. */
  get containerUrl(): string | undefined {
    return this.#container.address;
  }

  get socketPath(): string | undefined {
    return this.#socket.address;
  }

  /**
   * The endpoints that serve a role: the container endpoint if a client may use it, and always the
   * socket.
   */
  endpointsOf({ name }: Pick<RoleConfig, 'name'>): readonly EndpointSnapshot[] {
    const [url, path] = [this.#container.address, this.#socket.address];
    return [
      ...(url !== undefined && this.#tokens.isFor(name)
        ? [{ kind: 'container' as const, url: `${url}/v1/credentials/${name}` }]
        : []),
      ...(path === undefined ? [] : [{ kind: 'socket' as const, url: `unix:${path}` }]),
    ];
  }

  /**
   * Opens new endpoints. `done` then closes removed ones and applies the other settings.
   *
   * @throws CodedError if an endpoint cannot listen; then nothing has changed.
   */
  async move({ container, socket, roles }: Config): Promise<ListenerMove> {
    const first = await this.#container.move(container);
    const second = await this.#socket.move(socket).catch(async (error: unknown) => {
      await first.undo();
      throw error;
    });
    return {
      done: async () => {
        await this.#tokens.follow(container?.tokens ?? []);
        if (container) this.#guard = requestGuard(container);
        // Only users that some role may admit can connect.
        await this.#socket.setMode(roles.some(({ allow }) => allow) ? OPEN_MODE : OWN_MODE);
        await Promise.all([first.done(), second.done()]);
      },
      undo: async () => {
        await Promise.all([first.undo(), second.undo()]);
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#container.close(), this.#socket.close(), this.#tokens.stop()]);
  }

  #listener(kind: 'container' | 'socket', guard: RequestGuard, clientOf: ContainerParts['clientOf']): ListenerParts {
    const { roles, access, limits, answered, clock, log } = this.#parts;
    const ownLog = withFields(log, { endpoint: kind });
    return {
      kind,
      guard,
      handler: containerHandler({
        roles: () => roles().map(containerRole),
        clientOf,
        admits: ({ name }, connection) => {
          const served = roles().find(({ role }) => role.name === name);
          return served !== undefined && access.admits(served.role, kind, connection);
        },
        refused: occasionalLog(ownLog, clock, `${kind} request refused`),
      }),
      failure,
      limits,
      answered: (request, answer) => {
        answered(kind, answer.outcome.role ?? '', request, answer);
      },
      connected: access.connected,
      clock,
      log: ownLog,
    };
  }

  #clientOf(headers: RequestHeaders): Client | undefined {
    const known = this.#tokens.clientOf(headers);
    return known && { client: known.client, mayHave: ({ name }) => known.roles.includes(name) };
  }
}

function containerRole({ role, keeper }: ServedRole): ContainerRole {
  return { name: role.name, roleArn: role.roleArn, session: keeper };
}
