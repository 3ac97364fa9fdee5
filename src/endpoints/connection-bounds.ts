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
 * Reads a connection piece by piece, the next one when others had their turn. Node by itself reads 64 kB and more at once, and ten
 * connections full of small requests kept everybody else waiting for seconds (`npm run bench:floods`).
 */
export function readInPieces(server: Server): void {
  const readPiece = (socket: Socket): void => {
    const piece: unknown = socket.read(Math.min(PIECE_BYTES, socket.readableLength) || undefined);
    if (piece !== null && socket.readableLength > 0) setImmediate(readPiece, socket);
  };
  server.on('connection', (socket: Socket) => {
    socket.on('readable', () => {
      readPiece(socket);
    });
  });
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
