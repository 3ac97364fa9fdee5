// Limits for what one client, or many connections, can take from other clients.

import type { RequestListener, Server } from 'node:http';
import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Limits the number of open connections, but accepts new ones: the connection that was silent
 * longest is closed. Rejecting new ones instead would let one process with forgotten connections
 * lock out everyone else.
 *
 * @param limits - read for every new connection. When a connection is closed, the server emits
 * `drop`, as for Node's own limit.
 */
export function boundConnections(server: Server, limits: { readonly connections: number }): void {
  /** The connection that was silent longest comes first. */
  const open = new Set<Socket>();
  // One function for all connections: a closure and `once` for each cost more than the rest of this.
  const forget = function (this: Socket): void {
    open.delete(this);
  };
  server.on('connection', (socket: Socket) => {
    for (const longestSilent of open) {
      if (open.size < limits.connections) break;
      open.delete(longestSilent);
      longestSilent.destroy();
      server.emit('drop');
    }
    open.add(socket);
    socket.on('close', forget);
  });
  server.on('request', ({ socket }) => {
    if (open.delete(socket)) open.add(socket);
  });
}

/** Connections that will close after an answer: what they still send has no meaning. */
export type Closing = WeakSet<Duplex>;

/** An SDK's request comes in one or two pieces. In one piece, 28 of the smallest requests fit. */
const PIECE_BYTES = 512;

/**
 * Reads at most this much of a connection before it serves the others, into one buffer for all of
 * them. By default, Node reads and parses 64 kB at a time, libuv does so up to 32 times before it
 * looks at another connection, and ten connections full of small requests delayed everyone else by
 * seconds (`npm run bench:floods`).
 *
 * A buffer of its own (`onread` of `node:net`) costs less than the memory that Node allocates for
 * every other read. Node has that option only for sockets that a program creates. So an accepted
 * connection gets the properties which the option gives to such a socket.
 */
export function readInPieces(server: Server, closing: Closing): void {
  const buffer = Buffer.alloc(PIECE_BYTES);
  const pieces = Array.from({ length: PIECE_BYTES + 1 }, (_, length) => buffer.subarray(0, length));
  const { bufferKey, callbackKey } = onreadKeys(buffer);
  server.on('connection', (socket: AcceptedSocket) => {
    const [parse, ...others] = socket.listeners('data') as ((piece: Buffer | undefined) => void)[];
    if (!parse || others.length > 0) throw new Error('this Node takes the data of a connection in another way');
    // Another listener stops Node from reading past the stream.
    socket.on('data', parse);
    socket[bufferKey] = buffer;
    socket[callbackKey] = (length: number) => {
      if (closing.has(socket)) return true;
      parse(pieces[length]);
      // If Node has stopped reading, it has a reason, and will continue.
      const hasMore = length === PIECE_BYTES && socket._handle?.reading === true;
      if (hasMore) setImmediate(readOn, socket);
      return !hasMore;
    };
    socket._handle?.useUserBuffer(buffer);
  });
}

function readOn(socket: Socket): void {
  socket.resume();
}

type AcceptedSocket = Socket & {
  readonly _handle: { readonly useUserBuffer: (buffer: Buffer) => void; readonly reading: boolean } | null;
  [key: symbol]: unknown;
};

/** The properties of a socket for `onread`, found by their values. */
function onreadKeys(buffer: Buffer): { readonly bufferKey: symbol; readonly callbackKey: symbol } {
  const callback = (): boolean => true;
  const socket = new Socket({ onread: { buffer, callback } } as SocketConstructorOpts) as AcceptedSocket;
  const keyOf = (value: unknown): symbol | undefined =>
    Object.getOwnPropertySymbols(socket).find((key) => socket[key] === value);
  const [bufferKey, callbackKey] = [keyOf(buffer), keyOf(callback)];
  if (!bufferKey || !callbackKey) throw new Error('this Node keeps the buffer of a socket in another way');
  return { bufferKey, callbackKey };
}

/**
 * A request that comes before the previous answer, which no SDK sends, is the last one on its
 * connection: its answer says `Connection: close`, and later data are ignored (RFC 9112, 9.3.2 and
 * 9.6). So unread answers cannot accumulate.
 */
export function withoutPipelining(listener: RequestListener, closing: Closing): RequestListener {
  return (request, response) => {
    if (closing.has(request.socket)) return;
    // Node holds the answer back until the previous one is sent.
    if (response.socket === null) {
      closing.add(request.socket);
      response.shouldKeepAlive = false;
    }
    listener(request, response);
  };
}

/** The longest interval: 24 days. */
const NEVER_MS = 2 ** 31 - 1;

/**
 * Lets Node check the time limits of requests every `checkMs` only while there are connections.
 * Node's timer would wake an idle daemon 30 times a minute for each listener.
 *
 * @param server - a new one: the first listener to `listening` is Node's, which starts the timer.
 */
export function checkOnlyConnections(server: Server & { connectionsCheckingInterval?: number }, checkMs: number): void {
  const [startTimer] = server.listeners('listening');
  if (!startTimer) return;
  const checkEvery = (ms: number): void => {
    server.connectionsCheckingInterval = ms;
    startTimer.call(server);
  };
  let watch: NodeJS.Timeout | undefined;
  const stopIfIdle = (): void => {
    server.getConnections((_, connections) => {
      if (connections > 0) return;
      clearInterval(watch);
      watch = undefined;
      // Closing it has ended its timer.
      if (server.listening) checkEvery(NEVER_MS);
    });
  };
  server.connectionsCheckingInterval = NEVER_MS;
  server.on('connection', () => {
    if (watch) return;
    checkEvery(checkMs);
    watch = setInterval(stopIfIdle, checkMs).unref();
  });
}
