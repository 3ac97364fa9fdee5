import { once } from 'node:events';
import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { listenAt, listenAtPath, type OpenListener, type TcpPlace } from '../../src/endpoints/listen.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { freshDirectory } from '../files/support.ts';

const WHO = 'role R';
const LOOPBACK = { host: '127.0.0.1', port: 0 };

const server = (): Server => createServer((_request, response) => response.end('answer'));

async function opened(place: TcpPlace, http = server()): Promise<OpenListener> {
  const listener = await listenAt(http, place, WHO);
  onTestFinished(() => listener.close());
  return listener;
}

async function listening(): Promise<{ readonly net: NetServer; readonly port: number }> {
  const net = createNetServer().listen(0, '127.0.0.1');
  await once(net, 'listening');
  onTestFinished(() => void net.close());
  return { net, port: (net.address() as AddressInfo).port };
}

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof CodedError ? `${error.code} ${error.message}` : String(error)),
  );

describe('at an address', () => {
  it('names the port that the system chose', async () => {
    const http = server();
    const { address, setMode } = await opened(LOOPBACK, http);
    expect(address).toBe(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    expect(await (await fetch(address)).text()).toBe('answer');
    expect(setMode).toBeUndefined();
  });

  it('names the configured host, in brackets if IPv6', async () => {
    expect((await opened({ ...LOOPBACK, host: 'localhost' })).address).toMatch(/^http:\/\/localhost:\d+$/);
    expect((await opened({ ...LOOPBACK, host: '::1' })).address).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });

  it('uses a given descriptor, and names its own address', async () => {
    const asked: unknown[] = [];
    // A descriptor of this process that Node does not know already would need another process.
    const http = Object.assign(server(), {
      listen: (options: unknown) => {
        asked.push(options);
        setImmediate(() => http.emit('listening'));
      },
      address: () => ({ address: '::1', port: 9_911, family: 'IPv6' }),
    });
    const { address } = await listenAt(http, { ...LOOPBACK, descriptor: 3 }, WHO);
    expect([address, asked]).toEqual(['http://[::1]:9911', [{ ...LOOPBACK, fd: 3 }]]);
  });

  it('stops listening when it is closed', async () => {
    const { address, close } = await listenAt(server(), LOOPBACK, WHO);
    await close();
    await expect(fetch(address)).rejects.toThrow();
  });

  it('says who listens there already', async () => {
    const { port } = await listening();
    expect(await failure(listenAt(server(), { host: '127.0.0.1', port }, WHO))).toMatch(
      new RegExp(
        `^ENDPOINT_ADDRESS_IN_USE role R cannot listen on 127\\.0\\.0\\.1:${port}: process ${process.pid} \\(.+\\) listens there$`,
      ),
    );
  });

  it('says why else it cannot listen', async () => {
    expect(await failure(listenAt(server(), { host: '2001:db8::1', port: 8080 }, WHO))).toMatch(
      /^ENDPOINT_CANNOT_LISTEN role R cannot listen on \[2001:db8::1\]:8080: listen E\w+: /,
    );
  });
});

describe('at a path', () => {
  // A thread, such as one of `npm run mutation`, cannot set it.
  beforeEach(() => void vi.spyOn(process, 'umask').mockReturnValue(0o022));
  afterEach(() => vi.restoreAllMocks());

  it('names the path, changes its mode, and removes it', async () => {
    const file = path.join(freshDirectory(), 'sock');
    const { address, setMode, close } = await listenAtPath(server(), { path: file, mode: 0o600 });
    expect(address).toBe(file);
    await setMode?.(0o666);
    expect(statSync(file).mode & 0o777).toBe(0o666);
    await close();
    expect(existsSync(file)).toBe(false);
  });

  it('says that something else is there already', async () => {
    const file = path.join(freshDirectory(), 'file');
    writeFileSync(file, '');
    expect(await failure(listenAtPath(server(), { path: file, mode: 0o600 }))).toBe(
      `SOCKET_IN_USE ${file}: a process answers there, or it is not a socket`,
    );
  });

  it('says who answers there already', async () => {
    const file = path.join(freshDirectory(), 'sock');
    const { close } = await listenAtPath(server(), { path: file, mode: 0o600 });
    expect(await failure(listenAtPath(server(), { path: file, mode: 0o600 }))).toMatch(
      new RegExp(`^SOCKET_IN_USE ${file}: process ${process.pid} \\(.+\\) answers there`),
    );
    await close();
  });

  it('says why else it cannot listen', async () => {
    const long = path.join(freshDirectory(), 'x'.repeat(120));
    expect(await failure(listenAtPath(server(), { path: long, mode: 0o600 }))).toBe(
      `SOCKET_CANNOT_LISTEN cannot listen on ${long}: a socket path has at most 107 bytes`,
    );
  });

  it('follows no link that others can replace, and gives that reason', async () => {
    const directory = freshDirectory(0o777);
    symlinkSync(freshDirectory(), path.join(directory, 'link'));
    expect(await failure(listenAtPath(server(), { path: path.join(directory, 'link/sock'), mode: 0o600 }))).toMatch(
      /^FILE_LINK_UNTRUSTED /,
    );
  });
});
