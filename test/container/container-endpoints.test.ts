import { stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import {
  containerEndpoint,
  type ContainerEndpointParts,
  socketEndpoint,
} from '../../src/container/container-endpoints.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import type { OpenListener } from '../../src/endpoints/listen.ts';
import type { SharedEndpoint } from '../../src/endpoints/shared-endpoints.ts';
import { roleSession } from '../imds/endpoint.ts';
import { recordingLog } from '../sessions/support.ts';
import { configOf, roleOf } from '../support/configuration.ts';
import { rawExchange, requestBytes } from '../support/raw-http.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { ContainerEndpoint, CREDENTIALS, testDirectory } from './endpoint.ts';

const ROLE = 'uploader';

/** What the daemon gives an endpoint, with what was asked and answered. */
function daemon() {
  const asked: string[] = [];
  const answered: string[] = [];
  const clock = new VirtualClock(Date.now());
  const { log, lines } = recordingLog();
  const parts: ContainerEndpointParts = {
    roles: () => [
      {
        name: ROLE,
        roleArn: `arn:aws:iam::123456789012:role/${ROLE}`,
        session: { current: () => roleSession(1, clock), waitForFirst: () => Promise.resolve() },
      },
    ],
    admits: (role, kind, connection) => {
      asked.push(`${kind} ${role} ${typeof connection}`);
      return answered.length === 0;
    },
    limits: serverLimits,
    answered: (kind, { method }, { status }) => answered.push(`${kind} ${method} ${status}`),
    connected: undefined,
    clock,
    log,
  };
  return { parts, asked, answered, lines };
}

async function opened(endpoint: SharedEndpoint, config: Config): Promise<OpenListener> {
  const listener = await endpoint.wanted(config)?.open();
  if (!listener) throw new Error('no endpoint is wanted');
  await endpoint.apply(config, listener);
  onTestFinished(async () => {
    await listener.close();
    await endpoint.stop?.();
  });
  return listener;
}

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

async function withContainer(): Promise<{ readonly config: Config; readonly container: Config['container'] }> {
  const file = path.join(await testDirectory(), 'app.token');
  const tokens = [{ client: 'app', roles: [ROLE], file }];
  const container = { host: '127.0.0.1', port: 0, allowedHosts: [], tokens };
  return { config: configOf({ container }), container };
}

it('the container endpoint is wanted only with clients, at its own address', async () => {
  const { parts } = daemon();
  const endpoint = containerEndpoint(parts);
  const { config, container } = await withContainer();
  expect([endpoint.kind, endpoint.wanted(config)?.place]).toEqual(['container', '127.0.0.1 0']);
  expect(endpoint.wanted(configOf())).toBeUndefined();
  expect(container && endpoint.wanted(configOf({ container: { ...container, tokens: [] } }))).toBeUndefined();
});

it('the container endpoint has an address for the roles of its clients only, and forgets them', async () => {
  const { parts } = daemon();
  const endpoint = containerEndpoint(parts);
  const { config, container } = await withContainer();
  const { address } = await opened(endpoint, config);
  expect(address).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  expect(endpoint.urlOf(ROLE, address)).toBe(`${address}/v1/credentials/${ROLE}`);
  expect(endpoint.urlOf('other', address)).toBeUndefined();
  await endpoint.apply(configOf(), undefined);
  expect(endpoint.urlOf(ROLE, address)).toBeUndefined();
  await expect(stat(container?.tokens[0]?.file ?? '')).rejects.toMatchObject({ code: 'ENOENT' });
});

it('a client gets only the roles of its token, and a name only if it is allowed', async () => {
  const endpoint = await ContainerEndpoint.open();
  expect((await endpoint.get(`${CREDENTIALS}/uploader`)).status).toBe(200);
  expect((await endpoint.get(`${CREDENTIALS}/reader`)).status).toBe(403);
  expect((await endpoint.get(`${CREDENTIALS}/uploader`, [['Host', 'evil.example']])).status).toBe(403);
});

it('a new configuration changes which names are allowed', async () => {
  const { parts } = daemon();
  const endpoint = containerEndpoint(parts);
  const { config, container } = await withContainer();
  const { address } = await opened(endpoint, config);
  const statusFor = async (host: string): Promise<number> =>
    (await rawExchange(Number(new URL(address).port), requestBytes('GET', '/v1/credentials', [['Host', host]]))).status;
  expect([await statusFor('credentials.internal'), await statusFor('127.0.0.1')]).toEqual([403, 401]);
  if (container)
    await endpoint.apply(configOf({ container: { ...container, allowedHosts: ['credentials.internal'] } }), undefined);
  expect(await statusFor('credentials.internal')).toBe(401);
});

it('the user of a connection is asked about, and each answer reported, with the kind of endpoint', async () => {
  const { parts, asked, answered, lines } = daemon();
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
  expect(lines.every(({ fields }) => fields['endpoint'] === 'socket')).toBe(true);
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
