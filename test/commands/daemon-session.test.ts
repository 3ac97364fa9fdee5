// Whatever listens on the socket of the daemon, the command gets a whole session or an error.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sessionFromDaemon } from '../../src/commands/daemon-session.ts';

let directory: string;
let closing: (() => Promise<unknown>)[];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-session-'));
  closing = [];
});

afterEach(async () => {
  for (const close of closing) await close();
  await rm(directory, { recursive: true });
});

/** A server that answers like this, and keeps what it was asked. */
async function serverThat(answers: (client: Socket) => unknown): Promise<{ socket: string; asked: string[] }> {
  const asked: string[] = [];
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client
      .on('error', () => undefined)
      .once('data', (text) => {
        asked.push(text.toString());
        answers(client);
      });
  });
  const socket = path.join(directory, 'sock');
  server.listen(socket);
  await once(server, 'listening');
  closing.push(async () => {
    for (const client of clients) client.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { socket, asked };
}

const SESSION = JSON.stringify({
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'sécret',
  Token: 'token',
  Expiration: '2126-01-01T00:00:00Z',
  RoleArn: 'arn:aws:iam::111122223333:role/device',
});

function response(body: string, head = 'HTTP/1.1 200 OK'): string {
  return `${head}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

test('asks for one role, and reads a session in any pieces', async () => {
  const { socket, asked } = await serverThat((client) => {
    for (const byte of Buffer.from(response(SESSION))) client.write(Buffer.of(byte));
    client.end();
  });
  const session = await sessionFromDaemon(socket, 'a role\r\nX: y');
  expect(session?.secretAccessKey.reveal()).toBe('sécret');
  expect(asked).toEqual([
    'GET /v1/credentials/a%20role%0D%0AX:%20y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  ]);
});

test.each([
  ['nothing', ''],
  ['no HTTP', 'hello\r\n\r\n'],
  ['half of a session', response(SESSION).slice(0, -1)],
  ['more than it announced', `${response(SESSION)} `],
  ['no length', `HTTP/1.1 200 OK\r\n\r\n${SESSION}`],
  ['a length in the body only', `HTTP/1.1 200 OK\r\n\r\nContent-Length: 0`],
  ['no end of its headers', 'HTTP/1.1 200 OK\r\nContent-Length: 0'],
])('%s: no daemon answers', async (_, text) => {
  const { socket } = await serverThat((client) => client.end(text));
  await expect(sessionFromDaemon(socket, undefined)).resolves.toBeUndefined();
});

test('stops reading an answer without an end', async () => {
  const { socket } = await serverThat((client) => {
    const more = (): void => {
      if (!client.destroyed) client.write('x'.repeat(8192), more);
    };
    more();
  });
  await expect(sessionFromDaemon(socket, undefined)).resolves.toBeUndefined();
});

test('waits two seconds for a silent one', async () => {
  const { socket } = await serverThat(() => undefined);
  const began = performance.now();
  await expect(sessionFromDaemon(socket, undefined)).resolves.toBeUndefined();
  expect(performance.now() - began).toBeGreaterThan(1_900);
});

test.each([
  [403, response('no', 'HTTP/1.1 403 Forbidden'), 'answers 403'],
  [200, response('{}'), 'Expiration is missing'],
  [200, response('not JSON'), 'Expiration is missing'],
  [200, response(SESSION.replace('2126', '2020')), 'expired'],
])('%i is an error: %#', async (_, text, message) => {
  const { socket } = await serverThat((client) => client.end(text));
  await expect(sessionFromDaemon(socket, undefined)).rejects.toMatchObject({
    code: 'DAEMON_REFUSED',
    message: expect.stringContaining(message) as string,
  });
});
