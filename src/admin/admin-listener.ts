import { once } from 'node:events';
import type { Server } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import type { AdminConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { CodedError, messageOf } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { listenOnSocket } from '../files/unix-socket.ts';
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
  const opened: Listening[] = [];
  try {
    for (const place of placesOf(config)) {
      const server = buildAdminServer({ host: place.host, allowedHosts: config.allowedHosts, ...parts });
      opened.push({ server, ...(await place.listen(server)) });
    }
  } catch (error) {
    await closeAll(opened);
    if (error instanceof CodedError) throw error;
    throw adminError('ADMIN_CANNOT_LISTEN', `the admin listener cannot be opened: ${messageOf(error)}`, error);
  }
  return { addresses: opened.map(({ address }) => address), close: () => closeAll(opened) };
}

interface Listening {
  readonly server: Server;
  readonly address: string;
  /** After the server. */
  readonly release?: () => Promise<void>;
}

interface Place {
  readonly host: string;
  readonly listen: (server: Server) => Promise<Omit<Listening, 'server'>>;
}

function placesOf({ listen, socket }: AdminConfig): Place[] {
  return [
    ...(listen ? [{ host: listen.host, listen: (server: Server) => listenAt(server, listen) }] : []),
    ...(socket === undefined ? [] : [{ host: 'localhost', listen: (server: Server) => listenIn(server, socket) }]),
  ];
}

async function listenIn(server: Server, socket: string): Promise<Omit<Listening, 'server'>> {
  const { close } = await listenOnSocket(server, socket, { mode: SOCKET_MODE });
  return { address: socket, release: close };
}

async function listenAt(
  server: Server,
  wanted: { readonly host: string; readonly port: number },
): Promise<Omit<Listening, 'server'>> {
  server.listen(wanted);
  await once(server, 'listening');
  const { address, port } = server.address() as AddressInfo;
  return { address: `http://${isIPv6(address) ? `[${address}]` : address}:${port}` };
}

/** What is under way is answered from memory, within a turn of the event loop. */
async function closeAll(opened: readonly Listening[]): Promise<void> {
  await Promise.all(
    opened.map(async ({ server, release }) => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await release?.();
    }),
  );
}
