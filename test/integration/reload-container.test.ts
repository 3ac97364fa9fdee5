import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { sessionFromDaemon } from '../../src/commands/daemon-session.ts';
import type { Config, ContainerConfig, RoleConfig } from '../../src/config/config.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { eventually } from '../support/program.ts';
import { without } from '../support/without.ts';
import { at, endpointOf, Scene, servedKey } from './reloading.ts';

/** A daemon with the roles `one`, which only the container endpoint serves, and `two`. */
async function serving() {
  const scene = await Scene.open();
  const identity = await scene.write(await scene.issue());
  const one = without(scene.role('one'), 'imds');
  const container = (changes: Partial<ContainerConfig> = {}): ContainerConfig => ({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: [],
    tokens: [{ client: 'app', roles: ['one'], file: path.join(scene.directory, 'app.token') }],
    ...changes,
  });
  const config = (changes: Partial<ContainerConfig> = {}, ...more: readonly RoleConfig[]): Config => ({
    ...scene.config(identity, one, scene.role('two'), ...more),
    container: container(changes),
  });
  const daemon = await scene.start(config());
  return { scene, config, daemon, token: () => readFile(path.join(scene.directory, 'app.token'), 'latin1') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Reading {
  readonly status: number;
  readonly key: unknown;
}

async function read(daemon: Daemon, role: string, token: string): Promise<Reading> {
  const url = `${daemon.sharedAddresses.container ?? ''}/v1/credentials/${role}`;
  const answer = await fetch(url, { headers: { authorization: token } });
  const body = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, key: body['AccessKeyId'] };
}

async function keyOf(daemon: Daemon, role: string, token: string): Promise<unknown> {
  return eventually(`the key of ${role}`, 15_000, async () => (await read(daemon, role, token)).key);
}

describe('the container endpoint of a daemon', () => {
  test('serves the session of the role, with and without an IMDS endpoint', async () => {
    const { daemon, config, token, scene } = await serving();
    expect(await keyOf(daemon, 'one', await token())).toMatch(/^ASIA/);
    expect(await read(daemon, 'two', await token())).toMatchObject({ status: 403 });
    expect(daemon.roles.map(({ url }) => typeof url)).toEqual(['undefined', 'string']);
    const [tokens] = config().container?.tokens ?? [];
    await daemon.apply(config({ tokens: [{ ...(tokens as ContainerConfig['tokens'][number]), roles: ['two'] }] }));
    expect(await keyOf(daemon, 'two', await token())).toBe(await servedKey(endpointOf(daemon, 'two').url));
    expect(await read(daemon, 'one', await token())).toMatchObject({ status: 403 });
    expect((await scene.calls()).total).toBe(2);
  });

  test('stays open if the configuration keeps it', async () => {
    const { daemon, config, token } = await serving();
    const before = [daemon.sharedAddresses.container, await token(), await keyOf(daemon, 'one', await token())];
    await daemon.apply(config({ allowedHosts: ['host.docker.internal'] }));
    expect([daemon.sharedAddresses.container, await token(), await keyOf(daemon, 'one', await token())]).toEqual(
      before,
    );
  });

  test('follows the configuration, and so do its tokens', async () => {
    const { daemon, scene, config, token } = await serving();
    const [url, before] = [daemon.sharedAddresses.container ?? '', await token()];
    await daemon.apply(without(config(), 'container'));
    expect(daemon.sharedAddresses.container).toBeUndefined();
    await expect(fetch(url)).rejects.toThrow();
    expect(await readdir(scene.directory)).not.toContain('app.token');
    await daemon.apply(config());
    expect(await token()).not.toBe(before);
    expect(await keyOf(daemon, 'one', await token())).toMatch(/^ASIA/);
  });

  test('has a Unix socket, which can be added, moved and removed', async () => {
    const { daemon, config, scene } = await serving();
    const [first, second] = [path.join(scene.directory, 'a', 'sock'), path.join(scene.directory, 'b')];
    await expect(sessionFromDaemon(first, 'one')).resolves.toBeUndefined();
    await daemon.apply({ ...config(), socket: { path: first } });
    const key = await eventually('a session', 15_000, async () => {
      const session = await sessionFromDaemon(first, 'one').catch(() => undefined);
      return session?.accessKeyId;
    });
    await daemon.apply({ ...config(), socket: { path: second } });
    expect((await sessionFromDaemon(second, 'one'))?.accessKeyId).toBe(key);
    await expect(lstat(first)).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(path.join(scene.directory, 'c'));
    await expect(
      daemon.apply({ ...config({ port: await freePort() }), socket: { path: path.join(scene.directory, 'c') } }),
    ).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
    expect([daemon.sharedAddresses.socket, (await sessionFromDaemon(second, 'one'))?.accessKeyId]).toEqual([
      second,
      key,
    ]);
    await daemon.apply(config());
    await expect(lstat(second)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(daemon.sharedAddresses.socket).toBeUndefined();
  });

  test('is logged with its roles, like the socket', async () => {
    const { daemon, config, scene } = await serving();
    const endpoints = (): unknown =>
      daemon
        .snapshot()
        .roles.map(({ role: { name }, endpoints: served }) => [name, ...served.map(({ kind, url }) => [kind, url])]);
    const container = ['container', `${daemon.sharedAddresses.container ?? ''}/v1/credentials/one`];
    const imds = ['imds', endpointOf(daemon, 'two').url];
    expect(endpoints()).toEqual([
      ['one', container],
      ['two', imds],
    ]);
    const socket = ['socket', `unix:${path.join(scene.directory, 'sock')}`];
    await daemon.apply({ ...config(), socket: { path: path.join(scene.directory, 'sock') } });
    expect(endpoints()).toEqual([
      ['one', container, socket],
      ['two', imds, socket],
    ]);
    await daemon.apply(without(config(), 'container'));
    expect(endpoints()).toEqual([['one'], ['two', imds]]);
  });

  test('moves to another address only if the rest of the configuration can be applied', async () => {
    const { daemon, config, token, scene } = await serving();
    const before = [daemon.sharedAddresses.container, await keyOf(daemon, 'one', await token())];
    const taken = Number(new URL(endpointOf(daemon, 'two').url).port);
    await expect(daemon.apply(config({ port: taken }))).rejects.toMatchObject({ code: 'ENDPOINT_ADDRESS_IN_USE' });
    const port = await freePort();
    const moved = config({ port }, scene.role('three', { imds: at(taken) }));
    await expect(daemon.apply(moved)).rejects.toMatchObject({ code: 'ENDPOINT_ADDRESS_IN_USE' });
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
    expect([daemon.sharedAddresses.container, await keyOf(daemon, 'one', await token())]).toEqual(before);
    await daemon.apply(config({ port }));
    expect([daemon.sharedAddresses.container, await keyOf(daemon, 'one', await token())]).toEqual([
      `http://127.0.0.1:${port}`,
      before[1],
    ]);
    await expect(fetch(before[0] as string)).rejects.toThrow();
  });
});
