import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import fastify from 'fastify';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { type Answer, withOutcome } from './answer.ts';
import { boundedServer, refuseProtocol, type ServerLimits } from './bounded-server.ts';
import { endpointError } from './endpoint-errors.ts';
import { occasionalLog } from './occasional-log.ts';
import { type EndpointRequest, endpointRequest, loggedPath } from './request.ts';
import type { RequestGuard } from './request-guard.ts';

/** The kind of a listener. The Unix socket and the endpoint for pods serve the same as the container endpoint. */
export type EndpointKind = 'imds' | 'container' | 'pods' | 'socket' | 'admin';

/**
 * Returns the answer to a request, synchronously unless it has to wait. Must not throw for any
 * request.
 */
export type Handler = (request: EndpointRequest) => Answer | Promise<Answer>;

export interface ListenerParts {
  readonly kind: EndpointKind;
  /** Called for each request, before the handler. */
  readonly guard: RequestGuard;
  readonly handler: Handler;
  /** The answers of this kind of endpoint to rejected and failed requests. */
  readonly failure: (status: 400 | 403 | 503) => Answer;
  readonly limits: ServerLimits;
  /** Called with every answer. */
  readonly answered?: (request: EndpointRequest, answer: Answer) => void;
  /** Called with every new connection. */
  readonly connected?: (connection: Socket) => void;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/**
 * The HTTP server of an endpoint, not listening yet; {@link closeServer} ends it.
 *
 * Every request is answered in `onRequest` and hijacked from Fastify, before routing and before a
 * body is read. So no strange path, method, Content-Type or endless body gets an answer that is not
 * ours.
 */
export async function buildListener(parts: ListenerParts): Promise<Server> {
  const { kind, limits, clock, log, connected } = parts;
  const complain = occasionalLog(log, clock, `${kind} request refused`);
  const app = fastify({
    // No schemas are used. Their compilers and Ajv would take half of Fastify's load time.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    // No path may reach Fastify's router, which would decode, redirect or reflect it. `originalUrl`
    // keeps the sent one.
    rewriteUrl: () => '/',
    clientErrorHandler: refuseProtocol,
    serverFactory: (handler) =>
      boundedServer(limits, handler).on('drop', () => {
        complain(endpointError('ENDPOINT_CONNECTIONS_EXHAUSTED', `all ${limits.connections} connections are in use`));
      }),
  });
  const { server } = app;
  const respond = responder(parts, server, complain);
  app.addHook('onRequest', ({ raw, originalUrl }, reply) => {
    reply.hijack();
    respond(raw, originalUrl, reply.raw);
  });
  if (connected) server.on('connection', connected);
  // Its hooks are active from then on.
  await app.ready();
  return server;
}

function noSchemas(): never {
  throw new Error('no route here has a schema');
}

type Respond = (message: IncomingMessage, target: string, response: ServerResponse) => void;

/**
 * One synchronous pass from the request to the bytes of its answer, unless the handler has to wait.
 */
function responder(parts: ListenerParts, server: Server, complain: ReturnType<typeof occasionalLog>): Respond {
  const { kind, handler, failure, answered, log } = parts;
  const refusal = refusing(parts, complain);
  const failed = (error: unknown): Answer => {
    complain(endpointError('ENDPOINT_INTERNAL', 'a request could not be answered', error));
    return failure(503);
  };
  const finish = (request: EndpointRequest, response: ServerResponse, answer: Answer): void => {
    answered?.(request, answer);
    if (log.isEnabled?.('debug') ?? true)
      log('debug', `${kind} request`, {
        method: request.method,
        path: loggedPath(request.target),
        status: answer.status,
      });
    if (!server.listening) response.shouldKeepAlive = false;
    write(response, answer);
  };
  return (message, target, response) => {
    const request = endpointRequest(message, target);
    let answer: Answer | Promise<Answer>;
    try {
      answer = refusal(request) ?? handler(request);
    } catch (error) {
      answer = failed(error);
    }
    if (!(answer instanceof Promise)) finish(request, response, answer);
    else
      void answer.catch(failed).then((given) => {
        finish(request, response, given);
      });
  };
}

function refusing(
  { guard, failure }: ListenerParts,
  complain: ReturnType<typeof occasionalLog>,
): (request: EndpointRequest) => Answer | undefined {
  return (request) => {
    const refused = guard(request);
    if (!refused) return undefined;
    complain(endpointError(refused.code, refused.what));
    return withOutcome(failure(refused.status), { resource: 'none', refusal: refused });
  };
}

/**
 * Head and body in one system call: Node joins a string body to the head, while `end` alone would
 * make two buffers. Node would cork the socket too, but with a callback for later.
 */
function write(response: ServerResponse, { status, headers, body }: Answer): void {
  const { socket } = response;
  socket?.cork();
  response.writeHead(status, headers as string[]);
  response.write(body, 'latin1');
  socket?.uncork();
  response.end();
}

/** Longer than any real answer, even one that waits for the first session. */
const DRAIN_MS = 500;
/** For the first request of a connection that was accepted just before. */
const GRACE_MS = 100;

/**
 * Stops listening at once, so that another server can listen. Answers running requests, then ends
 * the connections.
 *
 * The server's own `close` is not enough: on Node 26 it also ends connections that have not sent a
 * request yet. If systemd keeps the socket open, the client of the last connection before a restart
 * would get no answer.
 */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const grace = setTimeout(() => server.close(), GRACE_MS);
  const drain = setTimeout(() => {
    server.closeAllConnections();
  }, DRAIN_MS);
  await new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
  clearTimeout(grace);
  clearTimeout(drain);
  // Ends its timers.
  server.close();
}
