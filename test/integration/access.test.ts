import { chmod, lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Config, RoleConfig } from '../../src/config/config.ts';
import { loadLibc } from '../../src/platform/libc.ts';
import { askAs, isRoot } from '../support/as-user.ts';
import { describeWith } from '../support/tools.ts';
import { endpointOf, Scene, servedKey } from './reloading.ts';

const TOKEN = '/latest/api/token';
const PUT = { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } };
const canTell = isRoot && process.platform === 'linux' && (await loadLibc()) !== undefined;

/**
 * A daemon with the roles `one`, with the given `allow`, and `two`, open to all, at their endpoints
 * and on a socket.
 */
async function serving(allow: RoleConfig['allow']) {
  const scene = await Scene.open();
  await chmod(scene.directory, 0o755);
  const identity = await scene.write(await scene.issue());
  const socketPath = path.join(scene.directory, 'sock');
  const auditFile = path.join(scene.directory, 'audit.jsonl');
  const config = (allowed: RoleConfig['allow']): Config => ({
    ...scene.config(identity, scene.role('one', allowed && { allow: allowed }), scene.role('two')),
    socket: { path: socketPath },
    audit: { to: 'file', path: auditFile },
  });
  const daemon = await scene.start(config(allow));
  const imds = async (role: string, uid: number): Promise<number> =>
    (await askAs(`${endpointOf(daemon, role).url}${TOKEN}`, { uid, ...PUT }))[0];
  const socket = async (role: string, uid: number): Promise<number> =>
    (await askAs(`http://localhost/v1/credentials/${role}`, { uid, socketPath }))[0];
  const denied = async (): Promise<Record<string, unknown>[]> =>
    (await readFile(auditFile, 'utf8'))
      .split('\n')
      .flatMap((line) => (line.includes('credentials.denied') ? [JSON.parse(line) as Record<string, unknown>] : []));
  return { scene, daemon, config, imds, socket, socketPath, denied };
}

describeWith('root on Linux with koffi', canTell, 'allow', () => {
  test('admits the named users, for IMDS tokens and on the socket, and logs denied ones', async () => {
    const { scene, daemon, imds, socket, denied } = await serving({ users: [1234], groups: [] });
    await servedKey(endpointOf(daemon, 'two').url);
    expect([await imds('one', 1234), await imds('one', 1235), await imds('two', 1235)]).toEqual([200, 403, 200]);
    expect(await askAs(`${endpointOf(daemon, 'one').url}/`, { uid: 0 })).toMatchObject([403, /Forbidden/]);
    expect([await socket('one', 1235), await socket('two', 1235), await socket('two', 0)]).toEqual([403, 403, 200]);
    await expect.poll(() => socket('one', 1234), { timeout: 15_000 }).toBe(200);
    expect((await scene.says('ACCESS_DENIED')).fields).toMatchObject({ role: 'one', endpoint: 'imds', uid: 1235 });

    // A user is recorded once. Over TCP, the process is unknown.
    await imds('one', 1235);
    await expect.poll(async () => (await denied()).length).toBe(4);
    const [unknown, process] = [{ callerPid: null, callerProcess: null }, { callerPid: expect.any(Number) as number }];
    expect(await denied()).toMatchObject([
      { role: 'one', endpoint: 'imds', callerUid: 1235, ...unknown },
      { role: 'one', endpoint: 'imds', callerUid: 0, ...unknown },
      { role: 'one', endpoint: 'socket', callerUid: 1235, ...process },
      { role: 'two', endpoint: 'socket', callerUid: 1235, ...process },
    ]);
  });

  test('follows the configuration, and so does the mode of the socket', async () => {
    const { daemon, config, imds, socket, socketPath } = await serving(undefined);
    const mode = async (): Promise<number> => (await lstat(socketPath)).mode & 0o777;
    const { keeper, url } = endpointOf(daemon, 'one');
    expect([await mode(), await imds('one', 1235), await socket('one', 1235)]).toEqual([0o600, 200, 0]);
    await daemon.apply(config({ users: [1234], groups: [] }));
    expect(endpointOf(daemon, 'one')).toMatchObject({ url, keeper });
    expect([await mode(), await imds('one', 1235), await imds('one', 1234)]).toEqual([0o666, 403, 200]);
    await daemon.apply(config(undefined));
    expect([await mode(), await imds('one', 1235)]).toEqual([0o600, 200]);
  });
});
