import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import { type ImdsEndpoint, openImdsEndpoint } from '../../src/imds/imds-endpoint.ts';
import { loadLibc } from '../../src/platform/libc.ts';
import { recordingLog } from '../sessions/support.ts';
import { roleOf } from '../support/configuration.ts';
import { describeWith } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const libc = await loadLibc();
const nothing = { current: () => undefined, waitForFirst: () => Promise.resolve() };

function roleAt(host: string): RoleConfig {
  return roleOf('uploader', { imds: { host, port: 9_911, allowedHosts: [] } });
}

/** An endpoint of a role that is configured for one address, on a socket that listens at another. */
async function endpointOnSocketAt(
  address: string,
  role: RoleConfig,
): Promise<{ endpoint: ImdsEndpoint; port: number }> {
  const owner = createServer().listen(0, address);
  await once(owner, 'listening');
  onTestFinished(() => void owner.close());
  const { fd } = (owner as unknown as { _handle: { fd: number } })._handle;
  const endpoint = await openImdsEndpoint(role, {
    session: nothing,
    tokenKey: Buffer.alloc(32),
    socket: libc?.dup(fd),
    limits: serverLimits,
    admits: () => true,
    connected: () => undefined,
    clock: new VirtualClock(),
    log: recordingLog().log,
  });
  onTestFinished(endpoint.close);
  return { endpoint, port: (owner.address() as AddressInfo).port };
}

describeWith('koffi', libc !== undefined, 'an endpoint on an inherited socket', () => {
  it('has the address of the socket instead of the configured one', async () => {
    const { endpoint, port } = await endpointOnSocketAt('127.0.0.1', roleAt('::1'));
    expect(endpoint.url).toBe(`http://127.0.0.1:${port}`);
  });

  it('may be open to other hosts if that address is configured', async () => {
    const { endpoint, port } = await endpointOnSocketAt('0.0.0.0', roleAt('0.0.0.0'));
    expect(endpoint.url).toBe(`http://0.0.0.0:${port}`);
  });

  it('is rejected if other hosts could reach it and that is not configured', async () => {
    await expect(endpointOnSocketAt('0.0.0.0', roleAt('127.0.0.1'))).rejects.toMatchObject({
      code: 'ENDPOINT_SOCKET_NOT_LOOPBACK',
    });
  });
});
