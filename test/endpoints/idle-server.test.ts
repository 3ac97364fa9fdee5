import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { boundedServer, refuseProtocol, serverLimits } from '../../src/endpoints/bounded-server.ts';
import { closeServer } from '../../src/endpoints/listener.ts';

const CHECK_MS = 53;
const PATIENCE = { timeout: 30_000 };

/** The longest interval that Node accepts. */
const LONGEST_MS = 2 ** 31 - 1;

/** The fields of Node's timers that say how often one repeats, and that it has ended. */
interface Timer {
  readonly _repeat?: number | null;
  readonly _destroyed?: boolean;
}
const timers: Timer[] = [];
const hook = createHook({
  init: (_id, type, _trigger, resource: Timer) => {
    if (type === 'Timeout') timers.push(resource);
  },
});

beforeAll(() => hook.enable());
afterAll(() => hook.disable());

const repeating = (ms: number): number =>
  timers.filter(({ _repeat, _destroyed }) => _repeat === ms && !_destroyed).length;
const checks = (): number => repeating(CHECK_MS);

async function listening(): Promise<Server> {
  const limits = { ...serverLimits, checkMs: CHECK_MS, requestMs: 2 * CHECK_MS };
  const server = boundedServer(limits, (_request, response) => response.end('done'));
  server.on('clientError', refuseProtocol);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => closeServer(server));
  return server;
}

function connected(server: Server): Socket {
  // A closed server resets what it has not answered.
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

test('a server checks time limits only while it has connections', async () => {
  const server = await listening();
  expect([checks(), repeating(LONGEST_MS)]).toEqual([0, 1]);
  for (let round = 0; round < 3; round += 1) {
    const socket = connected(server);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const [byte] = (await once(socket, 'data')) as [Buffer];
    expect(String(byte)).toContain('HTTP/1.1 200');
    expect(checks()).toBeGreaterThan(0);
    socket.destroy();
    await vi.waitFor(() => {
      expect(checks()).toBe(0);
    }, PATIENCE);
  }
});

test('a server ends a request that takes too long, also after it was idle', async () => {
  const server = await listening();
  for (let round = 0; round < 2; round += 1) {
    const [answer] = (await once(
      connected(server).on('connect', function slow(this: Socket) {
        this.write('GET / HTTP/1.1\r\n');
      }),
      'data',
    )) as [Buffer];
    expect(String(answer)).toContain('408 Request Timeout');
    await vi.waitFor(() => {
      expect(checks()).toBe(0);
    }, PATIENCE);
  }
});

test('a closed server leaves no timer', async () => {
  const server = await listening();
  const accepted = vi.fn();
  server.on('connection', accepted);
  connected(server);
  connected(server);
  await vi.waitFor(() => {
    expect(accepted).toHaveBeenCalledTimes(2);
  }, PATIENCE);
  // Node's own, and one that looks whether it is still needed.
  expect(checks()).toBe(2);
  await closeServer(server);
  await vi.waitFor(() => {
    expect([checks(), repeating(LONGEST_MS)]).toEqual([0, 0]);
  }, PATIENCE);
});

test('a server without connections closes at once, and leaves no timer for them', async () => {
  const server = await listening();
  const before = timers.length;
  await closeServer(server);
  const waits = timers.slice(before).filter(({ _repeat, _destroyed }) => !_repeat && !_destroyed);
  expect(waits).toEqual([]);
});

test('a connection that has sent something other than HTTP fails once, however much follows', async () => {
  const server = await listening();
  const failed = vi.fn();
  server.on('clientError', failed);
  const socket = connected(server);
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  for (let sent = 0; sent < 64; sent += 1) socket.write('x'.repeat(2_048));
  expect(String((await answer)[0])).toContain('400 Bad Request');
  await once(socket, 'close');
  expect(failed).toHaveBeenCalledTimes(1);
});
