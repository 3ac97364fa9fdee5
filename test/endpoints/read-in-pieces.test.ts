import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { readInPieces } from '../../src/endpoints/connection-bounds.ts';

const REQUEST = 'GET / HTTP/1.1\r\n\r\n';
const REQUESTS = 3_000;
const PIECE_BYTES = 256;

test('parses a connection full of requests piece by piece and loses none', async () => {
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
  readInPieces(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.end(REQUEST.repeat(REQUESTS));
  client.resume();
  await once(client, 'close');
  server.close();
  expect(seen).toBe(REQUESTS);
  expect(mostInATurn).toBeLessThanOrEqual(2 * Math.ceil(PIECE_BYTES / REQUEST.length));
  expect(mostInATurn).toBeGreaterThan(1);
});
