import { once } from 'node:events';
import { chmod, chown, lchown, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { checkSocket } from '../../src/commands/socket-trust.ts';
import { isRoot } from '../support/as-user.ts';
import { describeWith } from '../support/tools.ts';

const MALLORY = 12_345;

let directory: string;

/** A socket of that user, in a directory with that owner and mode. */
async function socketIn(name: string, mode: number, owner: number, of = owner): Promise<string> {
  const place = path.join(directory, name);
  await mkdir(place, { recursive: true });
  const socket = path.join(place, 'sock');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  server.unref();
  await chown(socket, of, of);
  await chown(place, owner, owner);
  await chmod(place, mode);
  return socket;
}

describeWith('root', isRoot, 'credential-process', () => {
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-socket-'));
    return () => rm(directory, { recursive: true });
  });

  test('accepts a socket of root, of this user, and of the daemon in its own directory', async () => {
    await checkSocket(await socketIn('root', 0o755, 0));
    await checkSocket(await socketIn('daemon', 0o755, MALLORY));
    await checkSocket(await socketIn('sticky', 0o1777, 0));
  });

  test.each([
    ['of another user in a directory that all can write', 'sticky', 0o1777, 0, MALLORY],
    ['of another user in a directory of root', 'root', 0o755, 0, MALLORY],
    ['of root in a directory that all can write', 'open', 0o777, 0, 0],
  ])('rejects a socket %s', async (_, name, mode, owner, of) => {
    await expect(checkSocket(await socketIn(name, mode, owner, of))).rejects.toMatchObject({
      code: 'SOCKET_NOT_TRUSTED',
    });
  });

  test("rejects a socket in another user's directory below a world-writable one", async () => {
    await mkdir(path.join(directory, 'tmp'));
    await chmod(path.join(directory, 'tmp'), 0o1777);
    const socket = await socketIn('tmp/imds', 0o755, MALLORY);
    await expect(checkSocket(socket)).rejects.toMatchObject({ code: 'SOCKET_NOT_TRUSTED' });
  });

  test("rejects a socket behind another user's link", async () => {
    await mkdir(path.join(directory, 'tmp'));
    await chmod(path.join(directory, 'tmp'), 0o1777);
    await socketIn('daemon', 0o755, MALLORY);
    const link = path.join(directory, 'tmp/link');
    await symlink(path.join(directory, 'daemon'), link);
    await lchown(link, MALLORY, MALLORY);
    await expect(checkSocket(path.join(link, 'sock'))).rejects.toMatchObject({ code: 'SOCKET_NOT_TRUSTED' });
  });

  test('reports a missing socket as a system error', async () => {
    await expect(checkSocket(path.join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
