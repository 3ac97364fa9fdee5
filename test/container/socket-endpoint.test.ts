// Not in container-endpoints.test.ts: `npm run mutation` runs tests in a thread, where no umask can be set.
import { stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { socketEndpoint } from '../../src/container/container-endpoints.ts';
import { configOf, roleOf } from '../support/configuration.ts';
import { testDirectory } from './endpoint.ts';
import { daemon, opened, ROLE } from './shared-endpoint.ts';

function statusAt(socketPath: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, path: `/v1/credentials/${ROLE}`, headers: { host }, agent: false };
    http
      .get(options, (response) => {
        response.resume().on('end', () => {
          resolve(response.statusCode);
        });
      })
      .on('error', reject);
  });
}

it('the user of a connection is asked about, and each answer reported, with the kind of endpoint', async () => {
  const { parts, asked, answered } = daemon();
  const endpoint = socketEndpoint(parts);
  const socket = path.join(await testDirectory(), 'made', 'socket');
  const config = configOf({ socket: { path: socket } });
  const listener = await opened(endpoint, config);
  expect([endpoint.kind, endpoint.wanted(config)?.place, listener.address]).toEqual(['socket', socket, socket]);
  expect(endpoint.urlOf(ROLE, socket)).toBe(`unix:${socket}`);
  expect(endpoint.wanted(configOf())).toBeUndefined();
  const statuses = [await statusAt(socket, 'localhost'), await statusAt(socket, 'localhost')];
  expect(statuses).toEqual([200, 403]);
  expect(asked).toEqual([`socket ${ROLE} object`, `socket ${ROLE} object`]);
  expect(answered).toEqual(['socket GET 200', 'socket GET 403']);
  expect(await statusAt(socket, 'evil.example')).toBe(403);
});

it('other users can connect to the socket only while some role may admit them', async () => {
  const { parts } = daemon();
  const endpoint = socketEndpoint(parts);
  const socket = path.join(await testDirectory(), 'made', 'socket');
  const config = (allow: boolean): Config =>
    configOf({
      socket: { path: socket },
      roles: [roleOf('own'), roleOf('shared', allow ? { allow: { users: ['root'], groups: [] } } : {})],
    });
  const listener = await opened(endpoint, config(false));
  const mode = async (): Promise<number> => (await stat(socket)).mode & 0o777;
  expect([await mode(), (await stat(path.dirname(socket))).mode & 0o777]).toEqual([0o600, 0o755]);
  await endpoint.apply(config(true), listener);
  expect(await mode()).toBe(0o666);
  await endpoint.apply(config(false), listener);
  expect(await mode()).toBe(0o600);
  await endpoint.apply(config(true), undefined);
  expect(await mode()).toBe(0o600);
});
