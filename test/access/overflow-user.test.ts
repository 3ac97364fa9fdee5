import type * as FileSystem from 'node:fs';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';
import { peerUsers } from '../../src/access/peer-user.ts';
import { describeWith } from '../support/tools.ts';

vi.mock('node:fs', async (original) => {
  const real = await original<typeof FileSystem>();
  return { ...real, readFileSync: vi.fn(real.readFileSync) };
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
    expect(await peerUsers()).toEqual({ tcp: undefined, unix: undefined });
  });
});
