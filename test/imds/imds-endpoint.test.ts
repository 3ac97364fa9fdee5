import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { serverLimits } from '../../src/endpoints/bounded-server.ts';
import { type ImdsEndpoint, type ImdsEndpointParts, openImdsEndpoint } from '../../src/imds/imds-endpoint.ts';
import { metadataTokens } from '../../src/imds/metadata-token.ts';
import { loadLibc } from '../../src/platform/libc.ts';
import { recordingLog } from '../sessions/support.ts';
import { roleOf } from '../support/configuration.ts';
import { type HeaderLines, rawExchange, requestBytes } from '../support/raw-http.ts';
import { describeWith } from '../support/tools.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { roleSession } from './endpoint.ts';

const libc = await loadLibc();
/** Of connections without a limit of their own. */
const systemHops = Number(readFileSync('/proc/sys/net/ipv4/ip_default_ttl', 'utf8'));
const nothing = { current: () => undefined, waitForFirst: () => Promise.resolve() };

function roleAt(host: string): RoleConfig {
  return roleOf('uploader', { imds: { host, port: 9_911, allowedHosts: [] } });
}

const parts: ImdsEndpointParts = {
  session: nothing,
  tokenKey: Buffer.alloc(32),
  limits: serverLimits,
  admits: () => true,
  connected: () => undefined,
  clock: new VirtualClock(),
  log: recordingLog().log,
};

/** An endpoint of a role that is configured for one address, on a socket that listens at another. */
async function endpointOnSocketAt(
  address: string,
  role: RoleConfig,
): Promise<{ endpoint: ImdsEndpoint; port: number }> {
  const owner = createServer().listen(0, address);
  await once(owner, 'listening');
  onTestFinished(() => void owner.close());
  const { fd } = (owner as unknown as { _handle: { fd: number } })._handle;
  const endpoint = await openImdsEndpoint(role, { ...parts, socket: libc?.dup(fd) });
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

/** @param options - of the role's `imds`. */
async function opened(changes: Partial<ImdsEndpointParts>, options: object = {}): Promise<string> {
  const imds = { host: '127.0.0.1', port: 0, allowedHosts: [], ...options };
  const { url = '', close } = await openImdsEndpoint(roleOf('uploader', { imds }), { ...parts, ...changes });
  onTestFinished(close);
  return url;
}

const ask = async (url: string, host: string, token = ''): Promise<number> => {
  const headers: HeaderLines = [
    ['Host', host],
    ['Connection', 'close'],
    ['X-aws-ec2-metadata-token', token],
  ];
  const target = '/latest/meta-data/iam/info';
  return (await rawExchange(Number(new URL(url).port), requestBytes('GET', target, headers))).status;
};

describe('an endpoint of a role', () => {
  it('is not there without `imds`', async () => {
    const { imds, ...role } = roleAt('127.0.0.1');
    expect(imds).toBeDefined();
    const { url, close } = await openImdsEndpoint(role, parts);
    expect(url).toBeUndefined();
    await expect(close()).resolves.toBeUndefined();
  });

  it('reports the outcome of each request to an observer', async () => {
    const outcomes: object[] = [];
    const url = await opened({ answered: (_, { status, outcome }) => outcomes.push({ status, ...outcome }) });
    expect(await ask(url, 'localhost')).toBe(401);
    expect(outcomes).toEqual([{ status: 401, resource: 'none' }]);
    expect(await ask(await opened({}), 'localhost')).toBe(401);
  });

  it('serves the session of its role to its own tokens only', async () => {
    const clock = new VirtualClock();
    const session = roleSession(1, clock);
    const url = await opened({ clock, session: { ...nothing, current: () => session } });
    const tokenOf = (listener: string): string =>
      metadataTokens({ key: parts.tokenKey, listener }).issue(60, clock.now());
    expect(await ask(url, 'localhost', tokenOf('uploader'))).toBe(200);
    const listing = `${url}/latest/meta-data/iam/security-credentials/`;
    const listed = await fetch(listing, { headers: { 'x-aws-ec2-metadata-token': tokenOf('uploader') } });
    expect(await listed.text()).toBe('uploader');
    expect(await ask(url, 'localhost', tokenOf('reader'))).toBe(401);
  });

  it('logs with the name of its role', async () => {
    const { log, lines } = recordingLog();
    expect(await ask(await opened({ log }), 'evil.example')).toBe(403);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({
          role: 'uploader',
          endpoint: 'imds',
          code: 'ENDPOINT_HOST_REFUSED',
        }) as object,
      }),
    );
  });

  it('names the role if its address is in use', async () => {
    const url = await opened({});
    await expect(opened({}, { port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: 'ENDPOINT_ADDRESS_IN_USE',
      message: expect.stringContaining('role uploader cannot listen on 127.0.0.1:') as string,
    });
  });
});

describeWith('koffi', libc !== undefined, 'the hop limit of an endpoint', () => {
  it.each([
    [3, { hopLimit: 3 }],
    [systemHops, {}],
  ])('is %i with %j', async (hops, options) => {
    const connections: Socket[] = [];
    const { log, lines } = recordingLog();
    const url = await opened({ connected: (connection) => connections.push(connection), log }, options);
    const client = connect(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void client.destroy());
    await vi.waitFor(() => {
      expect(connections).toHaveLength(1);
    });
    const { fd } = (connections[0] as unknown as { _handle: { fd: number } })._handle;
    const value = Buffer.alloc(4);
    expect(libc?.getsockopt(fd, 0, 2, value, [4])).toBe(0);
    expect(value.readInt32LE()).toBe(hops);
    expect(lines).toEqual([]);
  });
});
