import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, Socket } from 'node:net';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readInPieces } from '../../src/endpoints/connection-bounds.ts';

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';
const REQUESTS = 30_000;
const PIECE_BYTES = 512;

test('parses a connection full of requests a piece at a time and loses none', async () => {
  let seen = 0;
  let inThisTurn = 0;
  let mostInATurn = 0;
  const server = createServer({ requireHostHeader: false }, (_request, response) => {
    seen += 1;
    if (inThisTurn === 0) setImmediate(() => (inThisTurn = 0));
    inThisTurn += 1;
    mostInATurn = Math.max(mostInATurn, inThisTurn);
    response.end();
  });
  readInPieces(server, new WeakSet());
  const client = await connected(server);
  client.end(REQUEST.repeat(REQUESTS));
  client.resume();
  await once(client, 'close');
  server.close();
  expect(seen).toBe(REQUESTS);
  expect(mostInATurn).toBeLessThanOrEqual(Math.ceil(PIECE_BYTES / REQUEST.length));
  expect(mostInATurn).toBeGreaterThan(1);
});

test('reads a request of many pieces and does not mix those of two connections', async () => {
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    response.end(String(request.headers['x-long']));
  });
  readInPieces(server, new WeakSet());
  const clients = await Promise.all(['a', 'b'].map(async (letter) => ({ letter, client: await connected(server) })));
  const answers = clients.map(async ({ letter, client }) => {
    client.setEncoding('latin1').write(`GET / HTTP/1.1\r\nConnection: close\r\nX-Long: ${letter.repeat(3_000)}`);
    await delay(20);
    client.write(`${letter.repeat(3_000)}\r\n\r\n`);
    let answer = '';
    for await (const text of client) answer += String(text);
    return answer;
  });
  const [first, second] = await Promise.all(answers);
  server.close();
  expect(first).toContain(`\r\n\r\n${'a'.repeat(6_000)}`);
  expect(second).toContain(`\r\n\r\n${'b'.repeat(6_000)}`);
});

test('does not take more of a body than Node wants while a request waits for its answer', async () => {
  const server = createServer({ requireHostHeader: false });
  readInPieces(server, new WeakSet());
  const client = await connected(server);
  client.write('PUT / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n');
  client.write('x'.repeat(1_000_000));
  const [request] = (await once(server, 'request')) as [IncomingMessage];
  // Time for much more than Node wants, which depends on its version.
  for (let turn = 0; turn < 5_000; turn += 1) await immediate();
  expect(request.readableLength).toBeGreaterThan(0);
  expect(request.readableLength).toBeLessThanOrEqual(request.readableHighWaterMark + PIECE_BYTES);
  client.destroy();
  server.close();
});

test('does not parse what a closing connection still sends', async () => {
  const closing = new WeakSet<Socket>();
  let seen = 0;
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    seen += 1;
    closing.add(request.socket);
    response.end();
  });
  readInPieces(server, closing);
  const client = await connected(server);
  client.end(REQUEST.padEnd(PIECE_BYTES, '\r\n') + REQUEST.repeat(3));
  client.resume();
  await once(client, 'close');
  server.close();
  expect(seen).toBe(1);
});

test('takes all that a closing connection still sends', async () => {
  const closing = new WeakSet<Socket>();
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    closing.add(request.socket);
    response.end();
  });
  readInPieces(server, closing);
  const client = await connected(server);
  client.write(REQUEST.padEnd(PIECE_BYTES, '\r\n'));
  // More than the kernel keeps for a program that does not read.
  await new Promise((resolve) => client.write(Buffer.alloc(16_000_000), resolve));
  client.destroy();
  server.close();
});

test('lets a handler or another listener close the connection at any time', async () => {
  const server = createServer({ requireHostHeader: false }, ({ socket }) => {
    socket.destroy();
  });
  readInPieces(server, new WeakSet());
  for (const isRefused of [false, true]) {
    if (isRefused) server.prependListener('connection', (socket: Socket) => socket.destroy());
    const client = (await connected(server)).on('error', () => undefined);
    client.write(REQUEST.padEnd(PIECE_BYTES, '\r\n'));
    client.resume();
    await new Promise((resolve) => client.once('close', resolve));
  }
  server.close();
});

test.each([0, 2])('rejects a Node that has %i listeners for the data of a connection', (count) => {
  const server = new EventEmitter();
  readInPieces(server as unknown as Server, new WeakSet());
  const socket = new Socket();
  for (let added = 0; added < count; added += 1) socket.on('data', () => undefined);
  expect(() => server.emit('connection', socket)).toThrow('this Node takes the data of a connection in another way');
});

async function connected(server: Server): Promise<Socket> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  return connect((server.address() as AddressInfo).port, '127.0.0.1');
}
