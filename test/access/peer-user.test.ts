import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Connection, sockDiag, type SocketOwner } from '../../src/access/connection-owner.ts';
import { connectionTable } from '../../src/access/connection-table.ts';
import { hidesUsers, knownUser, peerUsers, type Soon } from '../../src/access/peer-user.ts';
import { addressBytes } from '../../src/foundation/address.ts';
import { loadLibc } from '../../src/platform/libc.ts';
import { processName, processOfUser } from '../../src/platform/process-name.ts';
import { askAs, isRoot } from '../support/as-user.ts';
import { eventually } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';

const libc = await loadLibc();
const isLinux = process.platform === 'linux';
const OWN = process.geteuid?.() ?? -1;

async function listening(server: Server, at: ListenOptions): Promise<Server> {
  server.listen(at);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return server;
}

/** Both ends of a connection. */
async function connected(host: string, to: string): Promise<{ readonly client: Socket; readonly accepted: Socket }> {
  const server = await listening(createServer({ allowHalfOpen: true }), { port: 0, host });
  const client = connect({ port: (server.address() as AddressInfo).port, host: to, allowHalfOpen: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  for (const end of [client, accepted]) end.on('error', () => undefined);
  onTestFinished(() => {
    client.destroy();
    accepted.destroy();
  });
  return { client, accepted };
}

function clientEnd({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }: Socket): Connection {
  const bytes = (address: string): Buffer => addressBytes(address) ?? Buffer.alloc(4);
  return { local: bytes(remoteAddress), localPort: remotePort, remote: bytes(localAddress), remotePort: localPort };
}

const WAYS: readonly (readonly [string, (client: Connection) => Soon<SocketOwner | undefined>])[] = [
  ...(libc && isLinux ? [['sock_diag', sockDiag(libc)] as const] : []),
  ...(isLinux ? [['/proc/net/tcp', connectionTable()] as const] : []),
];

describeWith('Linux', isLinux, 'the owner of a TCP connection', () => {
  test.each(
    WAYS.flatMap(([name, way]) =>
      [
        ['127.0.0.1', '127.0.0.1'],
        ['127.0.0.1', '::ffff:127.0.0.1'],
        ['::', '127.0.0.1'],
        ['::1', '::1'],
      ].map(([host = '', to = '']) => ({ name, way, host, to })),
    ),
  )('by $name: $to at a listener on $host', async ({ way, host, to }) => {
    const { accepted } = await connected(host, to);
    const owner = await way(clientEnd(accepted));
    expect(owner).toMatchObject({ uid: OWN, state: 1 });
    expect(owner?.inode).toBeGreaterThan(0);
  });

  test.each(WAYS)('is unknown by %s for a connection that does not exist', async (_, way) => {
    const { accepted } = await connected('127.0.0.1', '127.0.0.1');
    expect(await way({ ...clientEnd(accepted), remotePort: 1 })).toBeUndefined();
  });

  test('a closed client does not count as root', async () => {
    const { tcp } = await peerUsers();
    const { client, accepted } = await connected('127.0.0.1', '127.0.0.1');
    expect(await tcp?.(accepted)).toEqual({ uid: OWN });
    client.destroy();
    await eventually('the end of the client', 30_000, async () =>
      (await tcp?.(accepted)) === undefined ? true : undefined,
    );
  });

  test('a connection without an address has no user', async () => {
    const { tcp } = await peerUsers();
    const { accepted } = await connected('127.0.0.1', '127.0.0.1');
    const { remoteAddress, remotePort, localAddress, localPort } = accepted;
    const asked = [{ remotePort, localAddress, localPort }, { remoteAddress, remotePort, localPort }, {}];
    expect(asked.map((ends) => tcp?.(ends as unknown as Socket))).toEqual([undefined, undefined, undefined]);
  });

  test('a client that has closed its sending side is still identified', async () => {
    const { tcp } = await peerUsers();
    const { client, accepted } = await connected('127.0.0.1', '127.0.0.1');
    client.end();
    accepted.resume();
    await once(accepted, 'end');
    expect(await tcp?.(accepted)).toEqual({ uid: OWN });
  });
});

/** A server that answers with the user it sees. */
async function reporting(at: ListenOptions): Promise<string> {
  const { tcp, unix } = await peerUsers();
  const server = createHttpServer(({ socket }: IncomingMessage, response) => {
    const user = Promise.resolve((socket.remoteAddress === undefined ? unix : tcp)?.(socket));
    void user.then((peer) => response.end(String(peer?.uid)));
  });
  await listening(server, at);
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? 'http://localhost/' : `http://127.0.0.1:${address.port}/`;
}

describeWith('root on Linux', isRoot && isLinux, 'another user', () => {
  test('is identified over TCP', async () => {
    const url = await reporting({ port: 0, host: '127.0.0.1' });
    expect([await askAs(url, { uid: 1234 }), await askAs(url, { uid: 0 })]).toEqual([
      [200, '1234'],
      [200, '0'],
    ]);
  });
});

describeWith('root on Linux with koffi', isRoot && isLinux && libc !== undefined, 'another user on a socket', () => {
  test('is identified', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-peer-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const socketPath = path.join(directory, 'sock');
    const url = await reporting({ path: socketPath, writableAll: true, readableAll: true });
    await chmod(directory, 0o755);
    expect([await askAs(url, { uid: 1234, socketPath }), await askAs(url, { uid: 0, socketPath })]).toEqual([
      [200, '1234'],
      [200, '0'],
    ]);
  });
});

describeWith('Linux with koffi', isLinux && libc !== undefined, 'the process at the other end of a socket', () => {
  test('is identified by its number and the name that it gives itself', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-peer-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const { unix } = await peerUsers();
    const server = await listening(createServer(), { path: path.join(directory, 'sock') });
    const client = connect(path.join(directory, 'sock'));
    const [accepted] = (await once(server, 'connection')) as [Socket];
    onTestFinished(() => {
      client.destroy();
      accepted.destroy();
    });
    expect(unix?.(accepted)).toEqual({ uid: OWN, pid: process.pid });
    expect(processName(process.pid)).toBe(readFileSync('/proc/self/comm', 'utf8').trim());
  });
});

test('a process name becomes plain text', async () => {
  // With a command after cat, the shell does not replace itself.
  const child = spawn('sh', ['-c', 'printf "a\\033[2J" >/proc/$$/comm && echo named && cat; :'], { stdio: 'pipe' });
  onTestFinished(() => void child.kill());
  await once(child.stdout, 'data');
  expect(processName(child.pid ?? 0)).toBe('a?[2J');
  expect(processName(2 ** 31 - 1)).toBeUndefined();
});

describeWith('Linux', isLinux, 'the name of a process', () => {
  test('is given only for a process of that user, because its number can be reused', () => {
    expect(processOfUser(process.pid, OWN)).toBe(readFileSync('/proc/self/comm', 'utf8').trim());
    expect(processOfUser(process.pid, OWN + 1)).toBeUndefined();
    expect(processOfUser(2 ** 31 - 1, OWN)).toBeUndefined();
  });
});

test('the overflow number of a user namespace is no user', () => {
  const seen = (uid: number, map: string): number | undefined => {
    const peer = knownUser(() => ({ uid }), map, 65_534)(new Socket());
    return peer instanceof Promise ? undefined : peer?.uid;
  };
  const [host, container] = ['         0          0 4294967295\n', '         0     100000      65536\n'];
  expect([seen(65_534, container), seen(1_000, container)]).toEqual([undefined, 1_000]);
  expect(seen(65_534, host)).toBe(65_534);
  expect(knownUser(() => undefined, container, 65_534)(new Socket())).toBeUndefined();
  for (const map of ['0 0 4294967295', '0   0   4294967295  \n']) expect(seen(65_534, map)).toBe(65_534);
  for (const map of ['0 0 42949672950', '10 0 4294967295', '0 0 4294967295\n1 1 1\n'])
    expect(seen(65_534, map)).toBeUndefined();
});

describe('data of the system', () => {
  test.each([
    ['127.0.0.1', '7f000001'],
    ['::ffff:192.0.2.7', 'c0000207'],
    ['::1', '00000000000000000000000000000001'],
    ['fd00:ec2::23', 'fd000ec2000000000000000000000023'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['::', '00000000000000000000000000000000'],
  ])('%s is an address', (address, hex) => {
    expect(addressBytes(address)?.toString('hex')).toBe(hex);
  });

  test.each(['', 'localhost', '1.2.3', '::1.2.3.4'])('%j is no address', (address) => {
    expect(addressBytes(address)).toBeUndefined();
  });

  test.each([
    ['         0          0 4294967295\n', false],
    ['         0     100000      65536\n', false],
    ['         0          0          1\n       993        993          1\n', true],
    ['         0          0       1000\n', false],
    ['         0          0        999\n', true],
    ['', true],
  ])('%j is a map of users', (map, hides) => {
    expect(hidesUsers(map)).toBe(hides);
  });
});
