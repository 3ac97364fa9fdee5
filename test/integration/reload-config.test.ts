import http from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { at, endpointOf, Scene, servedKey, servesSessionOf } from './reloading.ts';

const TOKEN = '/latest/api/token';
const ROLE = '/latest/meta-data/iam/security-credentials/';

async function tokenOf(url: string): Promise<string> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '600' };
  return (await fetch(`${url}${TOKEN}`, { method: 'PUT', headers })).text();
}

/** @returns the status, 0 if nothing listens, and whether the connection was reused. */
async function roleNames(url: string, token: string, agent?: http.Agent): Promise<{ status: number; reused: boolean }> {
  const headers = { 'x-aws-ec2-metadata-token': token };
  return new Promise((resolve) => {
    const request = http.get(`${url}${ROLE}`, { headers, ...(agent && { agent }) }, (response) => {
      response.resume().once('end', () => {
        resolve({ status: response.statusCode ?? 0, reused: request.reusedSocket });
      });
    });
    request.once('error', () => {
      resolve({ status: 0, reused: false });
    });
  });
}

async function occupied(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, server };
}

async function freePort(): Promise<number> {
  const { port, server } = await occupied();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A daemon with a session in every role. */
async function serving(...names: readonly string[]) {
  const scene = await Scene.open();
  const device = await scene.issue();
  const identity = await scene.write(device);
  const config = scene.config(identity, ...names.map((name) => scene.role(name)));
  const daemon = await scene.start(config);
  for (const name of names) await servesSessionOf(daemon, name, device);
  return { scene, config, identity, daemon, device };
}

const urls = ({ roles }: Daemon): (string | undefined)[] => roles.map(({ url }) => url);

describe('a new configuration', () => {
  test('with the same content changes nothing', async () => {
    const { scene, config, daemon } = await serving('one', 'two');
    const before = [urls(daemon), await servedKey(endpointOf(daemon, 'one').url)];
    expect(await daemon.apply(structuredClone(config))).toEqual({ stop: [], start: [], reopen: [], adjust: [] });
    expect([urls(daemon), await servedKey(endpointOf(daemon, 'one').url)]).toEqual(before);
    expect((await scene.calls()).total).toBe(2);
  });

  test('with one role added and one removed leaves the third its session, listener and connections', async () => {
    const { scene, identity, daemon, device } = await serving('one', 'two');
    const [stays, goes] = [endpointOf(daemon, 'one'), endpointOf(daemon, 'two')];
    const agent = new http.Agent({ keepAlive: true });
    onTestFinished(() => {
      agent.destroy();
    });
    const [key, token] = [await servedKey(stays.url), await tokenOf(stays.url)];
    await roleNames(stays.url, token, agent);
    await daemon.apply(scene.config(identity, scene.role('three'), scene.role('one')));
    expect(daemon.roles.map(({ role }) => role.name)).toEqual(['three', 'one']);
    await servesSessionOf(daemon, 'three', device);
    expect(endpointOf(daemon, 'one')).toMatchObject({ url: stays.url, keeper: stays.keeper });
    expect(await roleNames(stays.url, token, agent)).toEqual({ status: 200, reused: true });
    expect(await servedKey(stays.url)).toBe(key);
    expect(await roleNames(goes.url, token)).toMatchObject({ status: 0 });
    expect((await scene.calls()).total).toBe(3);
  });

  test('with another address moves the endpoint, with session and tokens', async () => {
    const { scene, identity, daemon } = await serving('one');
    const { url } = endpointOf(daemon, 'one');
    const [key, token] = [await servedKey(url), await tokenOf(url)];
    await daemon.apply(scene.config(identity, scene.role('one', { imds: at(await freePort()) })));
    const moved = endpointOf(daemon, 'one').url;
    expect(moved).not.toBe(url);
    expect(await roleNames(moved, token)).toMatchObject({ status: 200 });
    expect(await servedKey(moved)).toBe(key);
    expect(await roleNames(url, token)).toMatchObject({ status: 0 });
    expect((await scene.calls()).total).toBe(1);
  });

  test('can swap two roles', async () => {
    const scene = await Scene.open();
    const identity = await scene.write(await scene.issue());
    const [first, second] = [await freePort(), await freePort()];
    const roles = (one: number, two: number) => [
      scene.role('one', { imds: at(one) }),
      scene.role('two', { imds: at(two) }),
    ];
    const daemon = await scene.start(scene.config(identity, ...roles(first, second)));
    const [one, two] = [await servedKey(endpointOf(daemon, 'one').url), await servedKey(endpointOf(daemon, 'two').url)];
    await daemon.apply(scene.config(identity, ...roles(second, first)));
    expect(await servedKey(`http://127.0.0.1:${second}`)).toBe(one);
    expect(await servedKey(`http://127.0.0.1:${first}`)).toBe(two);
  });

  test('with a used address changes nothing at all', async () => {
    const scene = await Scene.open();
    const identity = await scene.write(await scene.issue());
    const port = await freePort();
    const mine = scene.role('one', { imds: at(port) });
    const daemon = await scene.start(scene.config(identity, mine, scene.role('two')));
    const keys = async () => [
      await servedKey(endpointOf(daemon, 'one').url),
      await servedKey(endpointOf(daemon, 'two').url),
      ...urls(daemon),
    ];
    const before = await keys();
    // The first one must give up its address, and the second has opened, before the third one
    // fails.
    const newPort = await freePort();
    const wanted = [
      scene.role('one', { imds: at(port, { region: 'eu-central-1' }) }),
      scene.role('new', { imds: at(newPort) }),
      scene.role('two', { imds: at((await occupied()).port) }),
    ];
    const elsewhere = { ...scene.config(identity, ...wanted).rolesAnywhere, endpoint: 'http://127.0.0.1:1' };
    await expect(
      daemon.apply({ ...scene.config(identity, ...wanted), rolesAnywhere: elsewhere }),
    ).rejects.toMatchObject({ code: 'ENDPOINT_ADDRESS_IN_USE' });
    expect(await keys()).toEqual(before);
    expect(daemon.roles.map(({ role }) => role)).toEqual([mine, scene.role('two')]);
    expect(await roleNames(`http://127.0.0.1:${newPort}`, 'none')).toMatchObject({ status: 0 });
    expect((await scene.calls()).total).toBe(2);
    endpointOf(daemon, 'two').keeper.retryNow();
    await expect.poll(async () => (await scene.calls()).total).toBe(3);
    await daemon.apply(scene.config(identity, scene.role('two')));
    expect(await roleNames(`http://127.0.0.1:${port}`, 'none')).toMatchObject({ status: 0 });
  });

  test('with another role of the same name starts that one again, at the same address', async () => {
    const scene = await Scene.open();
    const identity = await scene.write(await scene.issue());
    const imds = at(await freePort());
    const daemon = await scene.start(scene.config(identity, scene.role('one', { imds }), scene.role('two')));
    const [one, two] = [await servedKey(endpointOf(daemon, 'one').url), await servedKey(endpointOf(daemon, 'two').url)];
    const other = { imds, roleArn: 'arn:aws:iam::111122223333:role/other' };
    await daemon.apply(scene.config(identity, scene.role('one', other), scene.role('two')));
    await scene.says('RA_ROLE_NOT_ON_PROFILE');
    expect(await roleNames(endpointOf(daemon, 'one').url, 'none')).toMatchObject({ status: 401 });
    expect(endpointOf(daemon, 'one').keeper.current()).toBeUndefined();
    expect(await servedKey(endpointOf(daemon, 'two').url)).toBe(two);
    await daemon.apply(scene.config(identity, scene.role('one', { imds }), scene.role('two')));
    expect(await servedKey(endpointOf(daemon, 'one').url)).not.toBe(one);
  });

  test('with another duration uses it at the next renewal, and not before', async () => {
    const { scene, identity, daemon } = await serving('one');
    const { keeper, url } = endpointOf(daemon, 'one');
    const key = await servedKey(url);
    await daemon.apply(scene.config(identity, scene.role('one', { sessionDuration: 900 })));
    expect(await servedKey(url)).toBe(key);
    keeper.retryNow();
    const minutes = (): number => {
      const { expiration = 0, receivedAt = 0 } = keeper.current() ?? {};
      return Math.round((expiration - receivedAt) / 60_000);
    };
    expect(minutes()).toBe(60);
    await expect.poll(minutes).toBe(15);
  });

  test('with another endpoint uses it at the next renewal', async () => {
    const { scene, identity, daemon, device } = await serving('one');
    const other = await Scene.open();
    const { role } = endpointOf(daemon, 'one');
    await daemon.apply({ ...other.config(identity, role) });
    expect((await scene.calls()).total).toBe(1);
    endpointOf(daemon, 'one').keeper.retryNow();
    await scene.says('RA_TRUST_ANCHOR_NOT_FOUND');
    expect((await scene.calls()).total).toBe(1);
    expect((await other.calls()).total).toBe(1);
    await servesSessionOf(daemon, 'one', device);
    // Fixed: the pending apply tries again at once.
    await daemon.apply(scene.config(identity, role));
    await scene.says('RA_TRUST_ANCHOR_NOT_FOUND');
    await expect.poll(async () => (await scene.calls()).total).toBe(2);
  });

  test('with another state directory logs that this needs a restart', async () => {
    const { scene, config, daemon } = await serving('one');
    await daemon.apply({ ...config, state: { directory: '/nonexistent' } });
    expect((await scene.says('STATE_NEEDS_RESTART')).level).toBe('warn');
  });

  test('with other files of an identity tries their content', async () => {
    const { scene, config, daemon, device } = await serving('one');
    const { url } = endpointOf(daemon, 'one');
    const next = await scene.issue();
    const missing = { certificate: '/nonexistent/tls.crt', allowReadableKey: false };
    await daemon.apply({ ...config, identity: missing });
    await servesSessionOf(daemon, 'one', device);
    await daemon.apply({ ...config, identity: await scene.write(next, 'elsewhere') });
    await servesSessionOf(daemon, 'one', next);
    expect(endpointOf(daemon, 'one').url).toBe(url);
    const newest = await scene.issue();
    await scene.write(newest, 'elsewhere');
    await servesSessionOf(daemon, 'one', newest);
  });
});
