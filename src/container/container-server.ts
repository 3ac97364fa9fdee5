import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import type { Answer } from '../doors/answer.ts';
import { boundedServer, refuseProtocol, serverLimits, type ServerLimits } from '../doors/bounded-server.ts';
import { doorError } from '../doors/door-errors.ts';
import { loggedPath, requestHeaders, type DoorRequest } from '../doors/door-request.ts';
import { occasionalLog } from '../doors/occasional-log.ts';
import { containerRoutes, type ContainerParts } from './container-routes.ts';
import { failure } from './credential-answer.ts';

export interface ContainerServerParts extends Omit<ContainerParts, 'refused'> {
  readonly limits?: ServerLimits;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Told of every new connection. */
  readonly connected?: (connection: Socket) => void;
}

/** The door for `AWS_CONTAINER_CREDENTIALS_FULL_URI`, not yet listening; {@link closeServer} ends it. */
export function buildContainerServer(parts: ContainerServerParts): Server {
  const { log, limits = serverLimits } = parts;
  const complain = occasionalLog(log, parts.clock, 'container request refused');
  const answer = containerRoutes({ ...parts, refused: complain });
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = containerRequest(request);
    const given = await answer(asked).catch((error: unknown) => {
      complain(doorError('DOOR_INTERNAL', 'a request could not be answered', error));
      return failure(503);
    });
    if (!server.listening) response.setHeader('connection', 'close');
    log('debug', 'container request', { method: asked.method, path: loggedPath(asked.target), status: given.status });
    send(response, given);
  };
  const server = boundedServer(limits, (request, response) => void respond(request, response));
  if (parts.connected) server.on('connection', parts.connected);
  server.on('drop', () => {
    complain(doorError('DOOR_CONNECTIONS_EXHAUSTED', `all ${limits.connections} connections are in use`));
  });
  return server.on('clientError', refuseProtocol);
}

/** The longest an honest answer takes is the wait for the first session. */
const DRAIN_MS = 500;

/** Serves what is under way and ends the connections. */
export async function closeServer(server: Server): Promise<void> {
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, DRAIN_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(timer);
}

function containerRequest({ method = '', url = '', rawHeaders, socket }: IncomingMessage): DoorRequest {
  return {
    method,
    target: url,
    headers: requestHeaders(rawHeaders),
    connection: socket,
    local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 },
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(body);
}
