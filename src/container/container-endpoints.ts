import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from '../endpoints/answer.ts';
import type { ServerLimits } from '../endpoints/bounded-server.ts';
import { listenAt, listenAtPath } from '../endpoints/listen.ts';
import { buildListener, type ListenerParts } from '../endpoints/listener.ts';
import { occasionalLog } from '../endpoints/occasional-log.ts';
import type { EndpointRequest } from '../endpoints/request.ts';
import { type RequestGuard, requestGuard } from '../endpoints/request-guard.ts';
import type { SharedEndpoint, SharedKind } from '../endpoints/shared-endpoints.ts';
import type { Clock } from '../foundation/clock.ts';
import { type Log, withFields } from '../foundation/logger.ts';
import { ClientTokens } from './client-tokens.ts';
import { type Client, containerHandler, type ContainerParts, type ContainerRole } from './container-handler.ts';
import { failure } from './credential-answer.ts';

export interface ContainerEndpointParts {
  readonly roles: () => readonly ContainerRole[];
  /** Whether the user of a connection may use the role of this name. */
  readonly admits: (role: string, kind: SharedKind, connection: Socket | undefined) => boolean | Promise<boolean>;
  readonly limits: ServerLimits;
  readonly answered: (kind: SharedKind, request: EndpointRequest, answer: Answer) => void;
  readonly connected: ListenerParts['connected'];
  readonly clock: Clock;
  readonly log: Log;
}

/** Container credentials over TCP. The token of a client decides which roles it may use. */
export function containerEndpoint(parts: ContainerEndpointParts): SharedEndpoint {
  const tokens = new ClientTokens(parts);
  let guard: RequestGuard = requestGuard({ host: '127.0.0.1', allowedHosts: [] });
  const clientOf: ContainerParts['clientOf'] = (headers) => {
    const known = tokens.clientOf(headers);
    return known && { client: known.client, mayHave: ({ name }) => known.roles.includes(name) };
  };
  return {
    kind: 'container',
    wanted: ({ container }) => {
      if (!container || container.tokens.length === 0) return undefined;
      return {
        place: `${container.host} ${container.port}`,
        open: async () => {
          const server = await serverOf('container', { guard: (request) => guard(request), clientOf }, parts);
          return listenAt(server, container, 'the container endpoint');
        },
      };
    },
    apply: async ({ container }) => {
      await tokens.follow(container?.tokens ?? []);
      if (container) guard = requestGuard(container);
    },
    urlOf: (role, address) => (tokens.isFor(role) ? `${address}/v1/credentials/${role}` : undefined),
    stop: () => tokens.stop(),
  };
}

/** Every process that can connect to the socket. */
const SOCKET_CLIENT: Client = { client: 'socket', mayHave: () => true };

/** Its own user and root: the only users who may use a role without `allow`. */
const OWN_MODE = 0o600;
/** The connection identifies the user. */
const OPEN_MODE = 0o666;

/** The same over a Unix socket. The user of the connection decides. */
export function socketEndpoint(parts: ContainerEndpointParts): SharedEndpoint {
  const guard = requestGuard({ host: 'localhost', allowedHosts: [] });
  return {
    kind: 'socket',
    wanted: ({ socket }) =>
      socket && {
        place: socket.path,
        open: async () => {
          const server = await serverOf('socket', { guard, clientOf: () => SOCKET_CLIENT }, parts);
          return listenAtPath(server, { path: socket.path, mode: OWN_MODE, make: 0o755 });
        },
      },
    apply: async ({ roles }, listener) => {
      // Only users that some role may admit can connect. If another process removed the file, there
      // is nothing to change.
      const mode = roles.some(({ allow }) => allow) ? OPEN_MODE : OWN_MODE;
      await listener?.setMode?.(mode).catch(() => undefined);
    },
    urlOf: (_role, path) => `unix:${path}`,
  };
}

/** The server of a kind that serves container credentials. */
export function serverOf(
  kind: SharedKind,
  { guard, clientOf }: Pick<ListenerParts, 'guard'> & Pick<ContainerParts, 'clientOf'>,
  { roles, admits, limits, answered, connected, clock, log }: ContainerEndpointParts,
): Promise<Server> {
  const ownLog = withFields(log, { endpoint: kind });
  return buildListener({
    kind,
    guard,
    handler: containerHandler({
      roles,
      clientOf,
      admits: ({ name }, connection) => admits(name, kind, connection),
      refused: occasionalLog(ownLog, clock, `${kind} request refused`),
    }),
    failure,
    limits,
    answered: (request, answer) => {
      answered(kind, request, answer);
    },
    ...(connected && { connected }),
    clock,
    log: ownLog,
  });
}
