import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { containerEndpoint } from '../../src/container/container-endpoints.ts';
import { configOf } from '../support/configuration.ts';
import { rawExchange, requestBytes } from '../support/raw-http.ts';
import { ContainerEndpoint, CREDENTIALS, testDirectory } from './endpoint.ts';
import { daemon, opened, ROLE } from './shared-endpoint.ts';

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
  const { parts, asked, answered, connected, lines } = daemon();
  const endpoint = containerEndpoint(parts);
  const { config, container } = await withContainer();
  const { address } = await opened(endpoint, config);
  const token = await readFile(container?.tokens[0]?.file ?? '', 'latin1');
  const headers = [['Host', '127.0.0.1'] as const, ['Authorization', token] as const];
  const request = requestBytes('GET', `/v1/credentials/${ROLE}`, headers);
  const ask = async (): Promise<number> => (await rawExchange(Number(new URL(address).port), request)).status;
  expect([await ask(), await ask()]).toEqual([200, 403]);
  expect([asked, answered]).toEqual([
    [`container ${ROLE} object`, `container ${ROLE} object`],
    ['container GET 200', 'container GET 403'],
  ]);
  expect(connected).toHaveLength(2);
  await endpoint.stop?.();
  expect(await ask()).toBe(401);
  expect(lines.map(({ message, fields }) => `${String(fields['endpoint'])}: ${message}`)).toContain(
    'container: container request refused',
  );
});
