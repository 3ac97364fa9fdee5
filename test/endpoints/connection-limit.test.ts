import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { expect, test, vi } from 'vitest';
import { boundConnections, checkOnlyConnections } from '../../src/endpoints/connection-bounds.ts';

/** A server that accepts two connections, and the names of those it closed. */
function limited() {
  const server = new EventEmitter();
  const closed: string[] = [];
  const dropped = vi.fn();
  server.on('drop', dropped);
  boundConnections(server as unknown as Server, { connections: 2 });
  const opened = (name: string): EventEmitter => {
    const socket: EventEmitter = Object.assign(new EventEmitter(), { destroy: () => closed.push(name) });
    server.emit('connection', socket);
    return socket;
  };
  return { server, closed, dropped, opened };
}

test('closes the connection that was silent longest, and says so', () => {
  const { server, closed, dropped, opened } = limited();
  const first = opened('first');
  opened('second');
  server.emit('request', { socket: first });
  opened('third');
  expect([closed, dropped.mock.calls.length]).toEqual([['second'], 1]);
});

test('closes none for those that have ended themselves', () => {
  const { closed, opened } = limited();
  for (const name of ['first', 'second', 'third']) opened(name).emit('close');
  opened('fourth');
  opened('fifth');
  expect(closed).toEqual([]);
});

test('counts no request of a connection that was closed', () => {
  const { server, closed, opened } = limited();
  const [first] = ['first', 'second', 'third'].map(opened);
  server.emit('request', { socket: first });
  opened('fourth');
  expect(closed).toEqual(['first', 'second']);
});

test('leaves the check of time limits to a server that starts it in another way', () => {
  const server = new EventEmitter();
  checkOnlyConnections(server as unknown as Server, 1_000);
  expect(server.eventNames()).toEqual([]);
});
