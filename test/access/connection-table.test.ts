import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { endianness } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import type { Connection, SocketOwner } from '../../src/access/connection-owner.ts';
import { connectionTable, type ReadTable } from '../../src/access/connection-table.ts';
import { addressBytes } from '../../src/foundation/address.ts';
import { describeWith } from '../support/tools.ts';

/** The tables as a machine with little-endian words writes them: proc(5). */
const TABLES = {
  tcp: `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0200007F:00FF 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 77 1 0000000000000000 20 4 30 10 -1
   1: 0200007F:0100 0100007F:1F90 0A 00000000:00000000 00:00000000 00000000  1002        0 78 1 0000000000000000 20 4 30 10 -1
`,
  tcp6: `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000200007F:0101 0000000000000000FFFF00000100007F:1F90 04 00000000:00000000 00:00000000 00000000  1003        0 79 1 0000000000000000 20 4 30 10 -1
   1: 00000000000000000000000001000000:0102 00000000000000000000000001000000:1F90 01 00000000:00000000 00:00000000 00000000  1004        0 80 1 0000000000000000 20 4 30 10 -1
`,
};

const V4 = ['127.0.0.2', '127.0.0.1'] as const;
const V6 = ['::1', '::1'] as const;

function client(localPort: number, [local, remote]: readonly [string, string] = V4): Connection {
  const bytes = (address: string): Buffer => addressBytes(address) ?? Buffer.alloc(0);
  return { local: bytes(local), localPort, remote: bytes(remote), remotePort: 8_080 };
}

/** Counts the readings, and waits at the start of each until `go`. */
function played(pieces: (table: 'tcp' | 'tcp6') => readonly string[] = (table) => [TABLES[table]]) {
  const readings: string[] = [];
  let pulled = 0;
  const gates: (() => void)[] = [];
  const read: ReadTable = async function* (table) {
    readings.push(table);
    await new Promise<void>((resolve) => gates.push(resolve));
    for (const piece of pieces(table)) {
      pulled += 1;
      yield piece;
    }
  };
  const go = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) {
      gates.shift()?.();
      await new Promise(setImmediate);
    }
  };
  return { ownerOf: connectionTable(read), readings, pulled: () => pulled, go };
}

describeWith('little-endian words', endianness() === 'LE', 'the table of connections', () => {
  test('names the owner, also for IPv4 on a socket of IPv6', async () => {
    const { ownerOf, go } = played();
    const asked = [client(0xff), client(0x100), client(0x101), client(0x102, V6)].map((each) => ownerOf(each));
    await go();
    expect((await Promise.all(asked)).map((owner) => owner && [owner.uid, owner.inode, owner.state])).toEqual([
      [1001, 77, 1],
      [1002, 78, 10],
      [1003, 79, 4],
      [1004, 80, 1],
    ]);
  });

  test('is read once more for a client that is missing, and then names no user', async () => {
    const { ownerOf, readings, go } = played();
    const asked = [client(0x103), client(0xff, V6)].map((each) => ownerOf(each));
    await go();
    expect(await Promise.all(asked)).toEqual([undefined, undefined]);
    expect(readings).toEqual(['tcp', 'tcp6', 'tcp', 'tcp6']);
  });

  test('is read once for all that asked, and only as far as necessary', async () => {
    const { ownerOf, readings, pulled, go } = played(() => [TABLES.tcp, 'more']);
    const asked = [client(0xff), client(0x100), client(0xff)].map((each) => ownerOf(each));
    await go();
    expect((await Promise.all(asked)).map((owner) => owner?.uid)).toEqual([1001, 1002, 1001]);
    expect([readings, pulled()]).toEqual([['tcp'], 1]);
  });

  test('is read again for those that asked meanwhile, together', async () => {
    const { ownerOf, readings, go } = played();
    const early = ownerOf(client(0xff));
    while (readings.length === 0) await new Promise(setImmediate);
    const late: Promise<SocketOwner | undefined>[] = [];
    for (const port of [0x100, 0x100, 0xff]) late.push(ownerOf(client(port)));
    await go();
    expect((await Promise.all([early, ...late])).map((owner) => owner?.uid)).toEqual([1001, 1002, 1002, 1001]);
    expect(readings).toEqual(['tcp', 'tcp']);
  });

  test('is not read twice at the same time, and again for each client that comes later', async () => {
    const { ownerOf, readings, go } = played();
    const early = ownerOf(client(0xff));
    while (readings.length === 0) await new Promise(setImmediate);
    const late = ownerOf(client(0x100));
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    expect(readings).toEqual(['tcp']);
    await go();
    expect((await Promise.all([early, late])).map((owner) => owner?.uid)).toEqual([1001, 1002]);
    const last = ownerOf(client(0xff));
    await go();
    expect((await last)?.uid).toBe(1001);
  });

  test('may be cut anywhere', async () => {
    for (let cut = 0; cut < TABLES.tcp.length; cut += 1) {
      const { ownerOf, go } = played((table) => [TABLES[table].slice(0, cut), TABLES[table].slice(cut)]);
      const asked = [client(0xff), client(0x100)].map((each) => ownerOf(each));
      await go();
      expect((await Promise.all(asked)).map((owner) => owner?.inode)).toEqual([77, 78]);
    }
  });

  test('has rows with numbers of any length', async () => {
    const row =
      '12345: 0200007F:00FF 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 100100       12 123456789 1';
    const { ownerOf, go } = played(() => [`${row}\n`]);
    const asked = ownerOf(client(0xff));
    await go();
    expect(await asked).toMatchObject({ state: 1, uid: 100_100, inode: 123_456_789 });
  });

  test.each([1, 7, 150, 160])('does not depend on pieces of %d characters', async (length) => {
    const { ownerOf, go } = played((table) => TABLES[table].match(new RegExp(`[^]{1,${length}}`, 'g')) ?? []);
    const asked = [client(0x100), client(0x102, V6)].map((each) => ownerOf(each));
    await go();
    expect((await Promise.all(asked)).map((owner) => owner?.uid)).toEqual([1002, 1004]);
  });

  test('is read for a limited time', async () => {
    const endless: ReadTable = async function* () {
      for (;;) yield await new Promise<string>((resolve) => setImmediate(resolve, TABLES.tcp));
    };
    const ownerOf = connectionTable(endless, 50);
    expect(await ownerOf(client(0x103))).toBeUndefined();
    expect((await ownerOf(client(0xff)))?.uid).toBe(1001);
  });

  test('names no user where there is no /proc', async () => {
    const missing: ReadTable = () => {
      throw new Error('no such file');
    };
    expect(await connectionTable(missing)(client(0xff))).toBeUndefined();
  });
});

describeWith('Linux', process.platform === 'linux', 'the table of this host', () => {
  test('has the owner of a connection', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => {
      socket.destroy();
      server.close();
    });
    await once(socket, 'connect');
    const owner = await connectionTable(
      undefined,
      30_000,
    )({
      ...client(socket.localPort ?? 0, ['127.0.0.1', '127.0.0.1']),
      remotePort: port,
    });
    expect(owner).toMatchObject({ uid: process.getuid?.(), state: 1 });
    const links = readdirSync('/proc/self/fd').map((name) => linkOf(`/proc/self/fd/${name}`));
    expect(links).toContain(`socket:[${owner?.inode ?? 0}]`);
  });
});

/** The directory itself is no longer open. */
function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
