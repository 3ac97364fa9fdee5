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

describeWith('Linux', process.platform === 'linux', 'in a user namespace', () => {
  const files: Record<string, string> = {};

  beforeEach(async () => {
    const { readFileSync: real } = await vi.importActual<typeof FileSystem>('node:fs');
    vi.mocked(readFileSync).mockImplementation((file, options) => files[file as string] ?? real(file, options));
  });

  test("the kernel's overflow user is no user", async () => {
    files['/proc/self/uid_map'] = FEW;
    files['/proc/sys/kernel/overflowuid'] = '65534\n';
    expect((await peerUsers()).tcp).toBeDefined();
    // Now that is our own number: the trial connection must not find us.
    files['/proc/sys/kernel/overflowuid'] = `${process.geteuid?.()}\n`;
    expect((await peerUsers()).tcp).toBeUndefined();
  });
});
