import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { errorPage } from './answer.ts';
import {
  boundConnections,
  checkOnlyConnections,
  type Closing,
  readInPieces,
  withoutPipelining,
} from './connection-bounds.ts';

/** Limits for one client, and for all of them together. */
export interface ServerLimits {
  readonly headerBytes: number;
  /** From the first byte to the last of a request, or from the start of a silent connection. */
  readonly requestMs: number;
  /** How often that is checked. */
  readonly checkMs: number;
  /**
   * Longer than the idle time of the SDKs' pools (60 s). Node's default of 5 s closes connections
   * that a client is about to use.
   */
  readonly keepAliveMs: number;
  /** A connection without any traffic, such as of a client that does not read its answers. */
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

/**
 * For files, threads, the call to the service and the listeners themselves, and for 64 connections
 * to the admin listener.
 */
const RESERVED_DESCRIPTORS = 128;

/**
 * Limits for the clients of one of several endpoints: enough descriptors remain for the daemon to
 * read its files and renew, even if all endpoints are flooded at once.
 *
 * @param openFiles - how many descriptors the process may have; undefined: unknown.
 * @param endpoints - how many share them. Called whenever it matters.
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

/**
 * A plain HTTP/1.1 server with these limits. It emits `drop` when a connection was closed to make
 * room for another. Its requests have `rawHeaders` only.
 */
export function boundedServer(limits: ServerLimits, listener: RequestListener): Server {
  const closing: Closing = new WeakSet();
  const options = {
    IncomingMessage: RawRequest,
    // Bodies have no meaning here. Node 24 then spends nothing on a stream for each of them.
    optimizeEmptyRequests: true,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.requestMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkMs,
    keepAliveTimeout: limits.keepAliveMs,
    // The guard checks Host, even in HTTP/1.0.
    requireHostHeader: false,
  };
  const server = createServer(options, withoutPipelining(listener, closing));
  // A client that has closed its sending side still expects its answer. Node has always had this
  // property, but its types lack it.
  Object.assign(server, { httpAllowHalfOpen: true });
  checkOnlyConnections(server, limits.checkMs);
  boundConnections(server, limits);
  readInPieces(server, closing);
  // To parse what follows would fail again for every piece of it.
  server.on('clientError', (_, socket) => closing.add(socket));
  // A failed accept, for example without descriptors, must not end the process. The caller of
  // `listen` has its own listener for errors.
  server.on('error', () => undefined);
  server.timeout = limits.silenceMs;
  // Limited in bytes. Node would drop headers after the 1000th, such as X-Forwarded-For, which a
  // proxy appends.
  server.maxHeadersCount = 0;
  return server;
}

/**
 * Without the object of all headers that Node would build for each request, only to look for
 * Expect. So Node ignores Expect. It would answer 417, which no SDK knows, or send 100 in the middle
 * of another answer if the request was pipelined.
 */
class RawRequest extends IncomingMessage {}
Object.defineProperty(RawRequest.prototype, 'headers', { value: Object.freeze({}) });

/** Node's code -> the answer before the connection is closed. */
const PROTOCOL_FAILURES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Long enough for a client to read the reason, while its data are discarded. */
const LINGER_MS = 500;

/** Ends a connection that received something other than HTTP. */
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
