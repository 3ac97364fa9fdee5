// What one client, or many connections, may take from others who want to be served too.

import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds how many connections are open and lets newcomers in all the same: the one that was silent longest makes room. To refuse
 * newcomers instead would let one process that opens connections and forgets them shut out everybody else.
 *
 * @param limits - looked at with every new connection. When one has to go, the server emits `drop`, as it does by Node's own bound.
 */
export function boundConnections(server: Server, limits: { readonly connections: number }): void {
  /** The one that was silent longest first. */
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

/** Half a request of an SDK; of the smallest there are, 14. With twice as much, ten that pipeline kept others waiting for 50 ms. */
const PIECE_BYTES = 256;

/**
 * Parses what a connection sends piece by piece, the next one when others had their turn. Node by itself parses 64 kB and more at
 * once, and ten connections full of small requests kept everybody else waiting for seconds (`npm run bench:floods`).
 *
 * A piece goes to the listener with which `node:http` takes data, and the rest back into the stream. Reading pieces from the stream
 * ('readable') would cost each request 1.5 µs more.
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
      // Node resumes by itself after each request.
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
 * A request that comes before the answer to the last one, which no SDK sends, is the last on its connection: its answer says
 * `Connection: close`, and what comes after it is not looked at (RFC 9112, 9.3.2 and 9.6). So answers that nobody reads cannot pile up.
 */
export function withoutPipelining(listener: RequestListener): RequestListener {
  const closing = new WeakSet<Socket>();
  return (request, response) => {
    if (closing.has(request.socket)) return;
    // Node holds the answer back until the one before it is out.
    if (response.socket === null) {
      closing.add(request.socket);
      response.shouldKeepAlive = false;
    }
    listener(request, response);
  };
}
