import { once } from 'node:events';
import { existsSync, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listenOnSocket, type SocketFile } from '../../src/files/unix-socket.ts';
import { freshDirectory } from './support.ts';

const modeOf = (file: string): number => lstatSync(file).mode & 0o777;

async function listening(file: string, mode = 0o600): Promise<SocketFile & { readonly server: Server }> {
  const server = createServer();
  const socket = await listenOnSocket(server, file, { mode });
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve));
    await socket.close();
  });
  return { ...socket, server };
}

/** What a killed daemon leaves: a socket on which nothing listens. */
async function leftover(directory: string): Promise<string> {
  const [file, bound] = [path.join(directory, 'sock'), path.join(directory, 'bound')];
  const server = createServer().listen(bound);
  await once(server, 'listening');
  // Closing a server removes the name that it was bound to.
  renameSync(bound, file);
  await new Promise((resolve) => server.close(resolve));
  return file;
}

function connects(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(file, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => {
      resolve(false);
    });
  });
}

describe('a Unix socket', () => {
  it.each([0o600, 0o660, 0o666])('has the mode %o from the start; other new files have theirs', async (mode) => {
    const directory = freshDirectory();
    const at = (name: string): string => path.join(directory, name);
    const [file, before, after] = [at('sock'), at('before'), at('after')];
    writeFileSync(before, '', { mode: 0o666 });
    await listening(file, mode);
    writeFileSync(after, '', { mode: 0o666 });
    expect([modeOf(file), modeOf(after)]).toEqual([mode, modeOf(before)]);
  });

  it('can be opened for other users, and closed again', async () => {
    const file = path.join(freshDirectory(), 'sock');
    const { setMode } = await listening(file);
    await setMode(0o666);
    expect(modeOf(file)).toBe(0o666);
    await setMode(0o600);
    expect(modeOf(file)).toBe(0o600);
  });

  it('that a file or another socket has replaced: their modes stay', async () => {
    const file = path.join(freshDirectory(), 'sock');
    const { setMode } = await listening(file);
    rmSync(file);
    writeFileSync(file, '', { mode: 0o600 });
    await setMode(0o666);
    expect(modeOf(file)).toBe(0o600);
    rmSync(file);
    await listening(file);
    await setMode(0o666);
    expect(modeOf(file)).toBe(0o600);
  });

  it('that a killed daemon left is replaced', async () => {
    const file = await leftover(freshDirectory());
    expect([existsSync(file), await connects(file)]).toEqual([true, false]);
    await listening(file);
    expect(await connects(file)).toBe(true);
  });

  it('on which a process answers is not replaced', async () => {
    const file = path.join(freshDirectory(), 'sock');
    await listening(file);
    await expect(listenOnSocket(createServer(), file, { mode: 0o600 })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(await connects(file)).toBe(true);
  });

  it('does not replace what is no socket', async () => {
    const file = path.join(freshDirectory(), 'sock');
    writeFileSync(file, 'precious');
    await expect(listenOnSocket(createServer(), file, { mode: 0o600 })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(lstatSync(file).isFile()).toBe(true);
  });

  it('has a path of at most 107 bytes', async () => {
    const directory = freshDirectory();
    const file = path.join(directory, 'é'.repeat(60)).slice(0, 100);
    const name = (bytes: number): string => path.join(directory, 'x'.repeat(bytes - directory.length - 1));
    expect(Buffer.byteLength(file)).toBeGreaterThan(107);
    for (const long of [file, name(108)])
      await expect(listenOnSocket(createServer(), long, { mode: 0o600 })).rejects.toMatchObject({
        code: 'ENAMETOOLONG',
      });
    await listening(name(107));
    expect(await connects(name(107))).toBe(true);
  });

  it('creates missing directories only if told to', async () => {
    const directory = freshDirectory();
    const file = path.join(directory, 'run/sock');
    await expect(listenOnSocket(createServer(), file, { mode: 0o600 })).rejects.toMatchObject({ code: 'ENOENT' });
    const server = createServer();
    const socket = await listenOnSocket(server, file, { mode: 0o600, make: 0o750 });
    expect(modeOf(path.dirname(file))).toBe(0o750);
    await new Promise((resolve) => server.close(resolve));
    await socket.close();
  });
});
