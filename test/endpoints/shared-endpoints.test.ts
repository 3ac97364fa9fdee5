import { expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { endpointError } from '../../src/endpoints/endpoint-errors.ts';
import { type SharedEndpoint, SharedEndpoints, type SharedKind } from '../../src/endpoints/shared-endpoints.ts';
import type { CodedError } from '../../src/foundation/errors.ts';
import { configOf } from '../support/configuration.ts';

/** Both kinds, at the addresses of a configuration. A path of `taken` cannot be opened. */
function endpoints() {
  const events: string[] = [];
  const stopped: SharedKind[] = [];
  const endpoint = (kind: SharedKind, placeOf: (config: Config) => string | undefined): SharedEndpoint => ({
    kind,
    wanted: (config) => {
      const place = placeOf(config);
      if (place === undefined) return undefined;
      const close = (): Promise<void> => Promise.resolve(void events.push(`close ${place}`));
      const open = (): Promise<{ address: string; close: typeof close }> => {
        if (place === 'taken') return Promise.reject(endpointError('SOCKET_IN_USE', place));
        events.push(`open ${place}`);
        return Promise.resolve({ address: place, close });
      };
      return { place, open };
    },
    apply: (_config, listener) => Promise.resolve(void events.push(`apply ${kind} ${listener?.address ?? 'none'}`)),
    urlOf: (role, address) => (role === 'hidden' ? undefined : `${address}#${role}`),
    ...(kind === 'container' && { stop: () => Promise.resolve(void stopped.push(kind)) }),
  });
  const container = endpoint('container', (config) => config.container && `tcp ${config.container.port}`);
  const shared = new SharedEndpoints([container, endpoint('socket', ({ socket }) => socket?.path)]);
  const take = (): string[] => events.splice(0);
  return { shared, take, stopped };
}

function config(port: number | undefined, path: string | undefined): Config {
  return configOf({
    ...(port !== undefined && { container: { host: '127.0.0.1', port, allowedHosts: [], tokens: [] } }),
    ...(path !== undefined && { socket: { path } }),
  });
}

it('opens an endpoint at its new address before it closes the old one', async () => {
  const { shared, take } = endpoints();
  await (await shared.move(config(1, 'one'))).done();
  expect(take()).toEqual(['open tcp 1', 'open one', 'apply container tcp 1', 'apply socket one']);
  await (await shared.move(config(2, 'one'))).done();
  expect(take()).toEqual(['open tcp 2', 'apply container tcp 2', 'apply socket one', 'close tcp 1']);
  expect(shared.addresses).toEqual({ container: 'tcp 2', socket: 'one' });
});

it('closes a removed endpoint', async () => {
  const { shared, take } = endpoints();
  await (await shared.move(config(1, 'one'))).done();
  take();
  await (await shared.move(config(undefined, 'one'))).done();
  expect(take()).toEqual(['apply container none', 'apply socket one', 'close tcp 1']);
  expect([shared.addresses, shared.count]).toEqual([{ socket: 'one' }, 1]);
});

it('keeps all endpoints if one cannot listen', async () => {
  const { shared, take } = endpoints();
  await (await shared.move(config(1, 'one'))).done();
  take();
  await expect(shared.move(config(2, 'taken'))).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
  expect(take()).toEqual(['open tcp 2', 'close tcp 2']);
  expect(shared.addresses).toEqual({ container: 'tcp 1', socket: 'one' });
});

it('returns to the old addresses', async () => {
  const { shared, take } = endpoints();
  await (await shared.move(config(1, undefined))).done();
  take();
  const moved = await shared.move(config(2, 'one'));
  expect(shared.addresses).toEqual({ container: 'tcp 2', socket: 'one' });
  await moved.undo();
  expect(take()).toEqual(['open tcp 2', 'open one', 'close tcp 2', 'close one']);
  expect(shared.addresses).toEqual({ container: 'tcp 1' });
});

it('names the endpoints of a role', async () => {
  const { shared } = endpoints();
  await (await shared.move(config(1, 'one'))).done();
  expect([shared.endpointsOf('device'), shared.endpointsOf('hidden')]).toEqual([
    [
      { kind: 'container', url: 'tcp 1#device' },
      { kind: 'socket', url: 'one#device' },
    ],
    [],
  ]);
});

it('reports the first fault of an open endpoint', async () => {
  const faults: Partial<Record<SharedKind, CodedError>> = {};
  const endpoint = (kind: SharedKind, hasFaults: boolean): SharedEndpoint => ({
    kind,
    wanted: ({ socket }) =>
      socket && {
        place: kind,
        open: () => Promise.resolve({ address: kind, close: () => Promise.resolve() }),
      },
    apply: () => Promise.resolve(),
    urlOf: () => undefined,
    ...(hasFaults && { fault: () => faults[kind] }),
  });
  const shared = new SharedEndpoints([endpoint('container', false), endpoint('pods', true), endpoint('socket', true)]);
  faults.pods = faults.socket = endpointError('ENDPOINT_INTERNAL', 'it is broken');
  expect(shared.fault).toBeUndefined();
  await shared.move(config(undefined, 'one'));
  expect(shared.fault).toBe(faults.pods);
  delete faults.pods;
  expect(shared.fault).toBe(faults.socket);
  delete faults.socket;
  expect(shared.fault).toBeUndefined();
});

it('stops its endpoints and closes their listeners', async () => {
  const { shared, take, stopped } = endpoints();
  await (await shared.move(config(1, 'one'))).done();
  take();
  await shared.stop();
  expect([take(), stopped, shared.count]).toEqual([['close tcp 1', 'close one'], ['container'], 0]);
});
