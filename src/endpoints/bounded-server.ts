import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { errorPage } from './answer.ts';
import { boundConnections, readInPieces, withoutPipelining } from './connection-bounds.ts';

/** What one client, or all of them together, can take from the endpoint. */
export interface ServerLimits {
  readonly headerBytes: number;
  /** From the first byte to the last of a request, or from the start of a connection that stays silent. */
  readonly requestMs: number;
  /** How often that is looked at. */
  readonly checkMs: number;
  /** Above the idle time of the SDKs' pools (60 s): Node's own 5 s close connections that a client is just about to use. */
  readonly keepAliveMs: number;
  /** A connection on which nothing moves, such as of a client that does not read its answers. */
  readonly silenceMs: number;
  readonly connections: number;
}

export const serverLimits: ServerLimits = {
  headerBytes: 8_192,
  requestMs: 10_000,
  checkMs: 2_000,
  keepAliveMs: 75_000,
  silenceMs: 120_000,
  connections: 2_000,
};

/** For files, threads, the call to the service and the listeners themselves, and for 64 connections to the admin listener. */
const RESERVED_DESCRIPTORS = 128;

/**
 * What clients can take from one of several endpoints: no more connections than leave the daemon the descriptors to read its files
 * and renew, whatever is done to all endpoints at once.
 *
 * @param openFiles - how many descriptors the process may have; undefined: nothing tells.
 * @param endpoints - how many share them, asked whenever it matters.
 */
export function sharedLimits(openFiles: number | undefined, endpoints: () => number): ServerLimits {
  return {
    ...serverLimits,
    get connections() {
      const share = Math.floor(((openFiles ?? Infinity) - RESERVED_DESCRIPTORS) / Math.max(endpoints(), 1));
      return Math.max(1, Math.min(serverLimits.connections, share));
    },
  };
}

/** A plain HTTP/1.1 server within these limits; `drop` tells of a connection that had to make room for another. */
export function boundedServer(limits: ServerLimits, listener: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: limits.keepAliveMs,
      // The guard looks at Host, also in HTTP/1.0.
      requireHostHeader: false,
    },
    withoutPipelining(listener),
  );
  // A client that has said all it has to say still wants its answer. Node knows this property from its first days, its types do not.
  Object.assign(server, { httpAllowHalfOpen: true });
  boundConnections(server, limits);
  readInPieces(server);
  // A connection that could not be accepted, for want of a descriptor say, ends nothing. Whoever calls `listen` is told by its own listener.
  server.on('error', () => undefined);
  server.timeout = limits.silenceMs;
  // Bounded in bytes. Node would drop what comes after the 1000th, and with it what a proxy appends: X-Forwarded-For.
  server.maxHeadersCount = 0;
  // What is expected makes no difference to the answer. Node would say 417, which no SDK knows, or 100, and that into the middle of
  // another answer where the request was pipelined.
  const asAnyOther: RequestListener = (request, response) => void server.emit('request', request, response);
  server.on('checkExpectation', asAnyOther).on('checkContinue', asAnyOther);
  return server;
}

/** Node's code -> what the client is told before the connection is closed. */
const PROTOCOL_FAILURES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Long enough for a client to read why, while what it still sends is thrown away. */
const LINGER_MS = 500;

/** Ends a connection on which came something that is not HTTP. */
export function refuseProtocol(error: { readonly code?: string }, socket: Socket): void {
  if (socket.writableEnded && !socket.destroyed) return; // Said already; this is more of the same.
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = PROTOCOL_FAILURES[error.code ?? ''] ?? '400 Bad Request';
  const body = errorPage(status, 'This connection is closed.');
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
