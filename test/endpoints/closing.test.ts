import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { closeServer } from '../../src/endpoints/listener.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A server, and a connection that it has accepted. */
async function accepted(): Promise<{ readonly close: () => Promise<void>; readonly client: Socket }> {
  const server = createServer((_request, response) => {
    if (!server.listening) response.shouldKeepAlive = false;
    response.end('answer');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  await once(server, 'connection');
  return { close: () => closeServer(server), client };
}

test('answers a connection that was accepted just before', async () => {
  const { close, client } = await accepted();
  const closed = close();
  client.write(REQUEST);
  expect(await text(client)).toMatch(/^HTTP\/1\.1 200 [^]*answer/);
  await closed;
});

test('answers one more request of an open connection, then closes it', async () => {
  const { close, client } = await accepted();
  client.write(REQUEST);
  await once(client, 'data');
  const closed = close();
  client.write(REQUEST);
  expect(await text(client)).toMatch(/^HTTP\/1\.1 200 [^]*answer/);
  await closed;
});

test('does not wait for an idle connection', async () => {
  const { close, client } = await accepted();
  client.write(REQUEST);
  await once(client, 'data');
  const ended = once(client, 'end');
  await close();
  await ended;
});

test('does not wait for a connection that never sends a request', async () => {
  const { close } = await accepted();
  await close();
});
