import { once } from 'node:events';
import type { Server } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { messageOf } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { listenOnSocket } from '../platform/unix-socket.ts';
import { adminError } from './admin-errors.ts';
import { buildAdminServer } from './admin-server.ts';
import type { Pages } from './pages.ts';

export interface AdminListener {
  /** `http://127.0.0.1:9910`, the path of a socket, or both. */
  readonly addresses: readonly string[];
  readonly close: () => Promise<void>;
}

export interface AdminListenerParts {
  readonly pages: Pages;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

/** Its own user's and group's. */
const SOCKET_MODE = 0o660;

/** @throws CodedError ADMIN_CANNOT_LISTEN; then nothing listens. */
export async function openAdmin(config: AdminConfig, parts: AdminListenerParts): Promise<AdminListener> {
  const opened: Server[] = [];
  try {
    for (const place of placesOf(config)) {
      const server = buildAdminServer({ host: place.host, allowedHosts: config.allowedHosts, ...parts });
      await place.listen(server);
      opened.push(server);
    }
  } catch (error) {
    await closeAll(opened);
    throw adminError('ADMIN_CANNOT_LISTEN', `the admin listener cannot be opened: ${messageOf(error)}`, error);
  }
  return { addresses: opened.map(addressOf), close: () => closeAll(opened) };
}

interface Place {
  readonly host: string;
  readonly listen: (server: Server) => Promise<void>;
}

function placesOf({ listen, socket }: AdminConfig): Place[] {
  return [
    ...(listen ? [{ host: listen.host, listen: (server: Server) => listenAt(server, listen) }] : []),
    ...(socket === undefined
      ? []
      : [{ host: 'localhost', listen: (server: Server) => listenOnSocket(server, socket, SOCKET_MODE) }]),
  ];
}

async function listenAt(server: Server, address: { readonly host: string; readonly port: number }): Promise<void> {
  server.listen(address);
  await once(server, 'listening');
}

function addressOf(server: Server): string {
  const address = server.address() as AddressInfo | string;
  if (typeof address === 'string') return address;
  return `http://${isIPv6(address.address) ? `[${address.address}]` : address.address}:${address.port}`;
}

/** What is under way is answered from memory, within a turn of the event loop. */
async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }),
  );
}
