import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import type { Log } from '../foundation/logger.ts';
import { failure } from './answer.ts';
import type { Answer } from '../doors/answer.ts';
import { boundedServer, refuseProtocol, serverLimits, type ServerLimits } from '../doors/bounded-server.ts';
import { doorError } from '../doors/door-errors.ts';
import { loggedPath, requestHeaders, type DoorRequest } from '../doors/door-request.ts';
import { occasionalLog } from '../doors/occasional-log.ts';
import { imdsRoutes, type RouteParts } from './routes.ts';

export type ImdsDeps = Omit<RouteParts, 'refused'> & {
  readonly log: Log;
  /** Told of every new connection. */
  readonly connected?: (connection: Socket) => void;
};

/** The longest an honest answer takes is the wait for the first session. */
const DRAIN_MS = 500;

/**
 * The IMDSv2 door of one role, not yet listening. `listen` it on the door's host and port; `close` serves what is under way and
 * ends the connections.
 *
 * Every request is answered in `onRequest`: by then Fastify has neither routed nor read a body, so a strange path, method,
 * Content-Type or an endless body cannot draw an answer that is not ours.
 */
export function buildImdsServer(deps: ImdsDeps, limits: ServerLimits = serverLimits): FastifyInstance {
  const complain = occasionalLog(deps.log, deps.clock, 'imds request refused');
  const answer = imdsRoutes({
    ...deps,
    refused: ({ code, what }) => {
      complain(doorError(code, what));
    },
  });
  const app = fastify({
    logger: false,
    // No schema is used here: the compilers for them, and Ajv with them, would take half of the time that Fastify takes to load.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    return503OnClosing: false,
    // No path reaches Fastify's router: it would decode, redirect or reflect. `originalUrl` keeps what was sent.
    rewriteUrl: () => '/',
    clientErrorHandler: refuseProtocol,
    serverFactory: (handler) =>
      boundedServer(limits, handler).on('drop', () => {
        complain(doorError('DOOR_CONNECTIONS_EXHAUSTED', `all ${limits.connections} connections are in use`));
      }),
  });
  if (deps.connected) app.server.on('connection', deps.connected);
  let closing = false;
  app.addHook('onRequest', async (request, reply) => {
    const given = await answer(imdsRequest(request));
    if (closing) reply.header('connection', 'close');
    deps.log('debug', 'imds request', {
      method: request.method,
      path: loggedPath(request.originalUrl),
      status: given.status,
    });
    return send(reply, given);
  });
  app.setErrorHandler((error, _request, reply) => {
    complain(doorError('DOOR_INTERNAL', 'a request could not be answered', error));
    return send(reply, failure(503));
  });
  app.addHook('preClose', (done) => {
    closing = true;
    setTimeout(() => {
      app.server.closeAllConnections();
    }, DRAIN_MS).unref();
    done();
  });
  return app;
}

function noSchemas(): never {
  throw new Error('no route here has a schema');
}

function imdsRequest({ raw, originalUrl }: FastifyRequest): DoorRequest {
  return {
    method: raw.method ?? '',
    target: originalUrl,
    headers: requestHeaders(raw.rawHeaders),
    connection: raw.socket,
    local: { address: raw.socket.localAddress ?? '', port: raw.socket.localPort ?? 0 },
  };
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body);
}
