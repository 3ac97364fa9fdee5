// Limits for what one client, or many connections, can take from other clients.

import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';

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
  server.on('connection', (socket: Socket) => {
    for (const longestSilent of open) {
      if (open.size < limits.connections) break;
      open.delete(longestSilent);
      longestSilent.destroy();
      server.emit('drop');
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', ({ socket }) => {
    if (open.delete(socket)) open.add(socket);
  });
}

/**
 * Half of an SDK's request, or 14 of the smallest ones. With twice as much, ten pipelining clients
 * delayed others by 50 ms.
 */
const PIECE_BYTES = 256;

/**
 * Parses the data of a connection in pieces, and lets other connections run in between. By default,
 * Node parses 64 kB and more at once, and ten connections full of small requests delayed everyone
 * else by seconds (`npm run bench:floods`).
 *
 * A piece goes to the listener with which `node:http` receives data, and the rest goes back into
 * the stream. Reading pieces from the stream ('readable') would cost 1.5 µs more per request.
 */
export function readInPieces(server: Server): void {
  server.on('connection', (socket: Socket) => {
    const [parse, ...others] = socket.listeners('data') as ((piece: Buffer) => void)[];
    if (!parse || others.length > 0) throw new Error('this Node takes the data of a connection in another way');
    socket.off('data', parse).on('data', inPieces(socket, parse));
  });
}

function inPieces(socket: Socket, parse: (piece: Buffer) => void): (data: Buffer) => void {
  let hadItsTurn = false;
  const nextTurn = (): void => {
    hadItsTurn = false;
    socket.resume();
  };
  return (data) => {
    if (!hadItsTurn && data.length <= PIECE_BYTES) {
      parse(data);
      return;
    }
    socket.pause();
    if (hadItsTurn) {
      // Node resumes the stream after each request.
      socket.unshift(data);
      return;
    }
    hadItsTurn = true;
    setImmediate(nextTurn);
    socket.unshift(data.subarray(PIECE_BYTES));
    parse(data.subarray(0, PIECE_BYTES));
  };
}

/**
 * A request that comes before the previous answer, which no SDK sends, is the last one on its
 * connection: its answer says `Connection: close`, and later data are ignored (RFC 9112, 9.3.2 and
 * 9.6). So unread answers cannot accumulate.
 */
export function withoutPipelining(listener: RequestListener): RequestListener {
  const closing = new WeakSet<Socket>();
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
