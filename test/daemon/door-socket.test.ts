import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { openDoor, type OpenDoor } from '../../src/daemon/door.ts';
import { serverLimits } from '../../src/doors/bounded-server.ts';
import { loadLibc } from '../../src/platform/libc.ts';
import { recordingLog } from '../sessions/support.ts';
import { describeWith } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const libc = await loadLibc();
const nothing = { current: () => undefined, waitForFirst: () => Promise.resolve() };

function roleAt(host: string): RoleConfig {
  const arn = (service: string, rest: string): string => `arn:aws:${service}:123456789012:${rest}`;
  return {
    name: 'uploader',
    roleArn: arn('iam:', 'role/Uploader'),
    profileArn: arn('rolesanywhere:eu-central-1', 'profile/1'),
    trustAnchorArn: arn('rolesanywhere:eu-central-1', 'trust-anchor/1'),
    sessionDuration: 3_600,
    imds: { host, port: 9_911, allowedHosts: [] },
  };
}

/** A door of a role that is configured for one address, on a socket that listens at another. */
async function doorOnSocketAt(address: string, role: RoleConfig): Promise<{ door: OpenDoor; port: number }> {
  const owner = createServer().listen(0, address);
  await once(owner, 'listening');
  onTestFinished(() => void owner.close());
  const { fd } = (owner as unknown as { _handle: { fd: number } })._handle;
  const door = await openDoor(role, {
    session: nothing,
    tokenKey: Buffer.alloc(32),
    socket: libc?.dup(fd),
    limits: serverLimits,
    admits: () => Promise.resolve(true),
    connected: () => undefined,
    clock: new VirtualClock(),
    log: recordingLog().log,
  });
  onTestFinished(door.close);
  return { door, port: (owner.address() as AddressInfo).port };
}

describeWith('koffi', libc !== undefined, 'a door on a socket that was handed over', () => {
  it('is where the socket is, not where the configuration says', async () => {
    const { door, port } = await doorOnSocketAt('127.0.0.1', roleAt('::1'));
    expect(door.url).toBe(`http://127.0.0.1:${port}`);
  });

  it('may be open to other hosts where the configuration names that address', async () => {
    const { door, port } = await doorOnSocketAt('0.0.0.0', roleAt('0.0.0.0'));
    expect(door.url).toBe(`http://0.0.0.0:${port}`);
  });

  it('is refused where the configuration does not', async () => {
    await expect(doorOnSocketAt('0.0.0.0', roleAt('127.0.0.1'))).rejects.toMatchObject({
      code: 'DOOR_SOCKET_NOT_LOOPBACK',
    });
  });
});
