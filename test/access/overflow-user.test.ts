import type * as FileSystem from 'node:fs';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { peerUsers } from '../../src/access/peer-user.ts';
import type * as LibcModule from '../../src/platform/libc.ts';
import { type Libc, loadLibc } from '../../src/platform/libc.ts';
import { describeWith } from '../support/tools.ts';

vi.mock('node:fs', async (original) => {
  const real = await original<typeof FileSystem>();
  return { ...real, readFileSync: vi.fn(real.readFileSync) };
});

vi.mock('../../src/platform/libc.ts', async (original) => {
  const real = await original<typeof LibcModule>();
  return { ...real, loadLibc: vi.fn(real.loadLibc) };
});

/** A user namespace with few of its host's users. */
const FEW = '         0     100000      65536\n';

const MISSING = 'missing';
const OWN = process.geteuid?.();

describeWith('Linux', process.platform === 'linux', 'in a user namespace', () => {
  let files: Record<string, string> = {};

  beforeEach(async () => {
    files = {};
    const { readFileSync: real } = await vi.importActual<typeof FileSystem>('node:fs');
    vi.mocked(readFileSync).mockImplementation((file, options) => {
      const content = files[file as string];
      if (content === MISSING) throw new Error('no such file');
      return content ?? real(file, options);
    });
  });

  test("the kernel's overflow user is no user", async () => {
    files['/proc/self/uid_map'] = FEW;
    files['/proc/sys/kernel/overflowuid'] = '65534\n';
    expect((await peerUsers()).tcp).toBeDefined();
    // Now that is our own number: the trial connection must not find us.
    files['/proc/sys/kernel/overflowuid'] = `${OWN}\n`;
    expect((await peerUsers()).tcp).toBeUndefined();
  });

  test('its number is 65534 if the kernel does not tell', async () => {
    files['/proc/self/uid_map'] = FEW;
    files['/proc/sys/kernel/overflowuid'] = MISSING;
    expect((await peerUsers()).tcp).toBeDefined();
  });

  test.each(['         0          0          1\n', MISSING])('nobody can be told from others: map %j', async (map) => {
    files['/proc/self/uid_map'] = map;
    expect(await peerUsers()).toStrictEqual({ tcp: undefined, unix: undefined });
  });
});

describeWith('Linux', process.platform === 'linux', 'a C library', () => {
  /** One that answers every question about a socket with this user and process. */
  function answering(uid: number, { pid = 4_711, found = 0 } = {}): Libc {
    let sequence = Buffer.alloc(4);
    return {
      socket: () => 9,
      close: () => 0,
      sendto: (_: number, question: Buffer) => {
        sequence = Buffer.from(question.subarray(8, 12));
        return question.length;
      },
      recv: (_: number, into: Buffer) => {
        sequence.copy(into, 8);
        into.writeUInt8(1, 17);
        new Uint16Array(into.buffer, into.byteOffset + 4, 1).set([20]);
        new Uint32Array(into.buffer, into.byteOffset + 80, 2).set([uid, 77]);
        return 88;
      },
      getsockopt: (descriptor: number, level: number, name: number, into: Buffer, length: [number]) => {
        expect([level, name, length[0]]).toEqual([1, 17, 12]);
        new Uint32Array(into.buffer, into.byteOffset, 3).set([pid, uid, descriptor]);
        return found;
      },
    } as Partial<Libc> as Libc;
  }

  const ends = { remoteAddress: '127.0.0.1', remotePort: 1, localAddress: '127.0.0.1', localPort: 2 };
  const client = ends as unknown as Socket;
  const onSocket = { _handle: { fd: 5 } } as unknown as Socket;

  beforeEach(async () => {
    const { readFileSync: real } = await vi.importActual<typeof FileSystem>('node:fs');
    vi.mocked(readFileSync).mockImplementation(real);
  });

  test('that finds ourselves is asked about every connection', async () => {
    vi.mocked(loadLibc).mockResolvedValue(answering(OWN ?? 0));
    const { tcp, unix } = await peerUsers();
    // No such connection is in /proc/net/tcp.
    expect(await tcp?.(client)).toEqual({ uid: OWN });
    expect(unix?.(onSocket)).toEqual({ uid: OWN, pid: 4_711 });
  });

  test.each([
    ['finds another user in place of ourselves', () => answering(54_321)],
    ['fails', (): Libc => ({ ...answering(0), socket: () => expect.fail('no netlink') })],
  ])('that %s is not asked over TCP', async (_, libc) => {
    vi.mocked(loadLibc).mockResolvedValue(libc());
    const { tcp } = await peerUsers();
    expect([tcp !== undefined, await tcp?.(client)]).toEqual([true, undefined]);
  });

  test('cannot name a process of another namespace, nor a peer that is gone', async () => {
    vi.mocked(loadLibc).mockResolvedValue(answering(1_001, { pid: 0 }));
    expect((await peerUsers()).unix?.(onSocket)).toStrictEqual({ uid: 1_001 });
    vi.mocked(loadLibc).mockResolvedValue(answering(1_001, { found: -1 }));
    expect((await peerUsers()).unix?.(onSocket)).toBeUndefined();
  });

  test('that is missing leaves only /proc', async () => {
    vi.mocked(loadLibc).mockResolvedValue(undefined);
    const { tcp, unix } = await peerUsers();
    expect([tcp !== undefined, unix]).toEqual([true, undefined]);
  });

  test('is of no use on another system', async () => {
    const own = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
    Object.defineProperty(process, 'platform', { ...own, value: 'darwin' });
    onTestFinished(() => {
      Object.defineProperty(process, 'platform', own);
    });
    vi.mocked(loadLibc).mockResolvedValue(answering(OWN ?? 0));
    expect(await peerUsers()).toStrictEqual({ tcp: undefined, unix: undefined });
  });
});

test('the trial connections do not stay open', async () => {
  const open = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
  await expect.poll(open, { timeout: 30_000 }).toBe(0);
  await peerUsers();
  await expect.poll(open, { timeout: 30_000 }).toBe(0);
});
