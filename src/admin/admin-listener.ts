import type { Server } from 'node:http';
import type { AdminConfig } from '../config/config.ts';
import { serverLimits } from '../endpoints/bounded-server.ts';
import { listenAt, listenAtPath, type OpenListener } from '../endpoints/listen.ts';
import { buildListener } from '../endpoints/listener.ts';
import { requestGuard } from '../endpoints/request-guard.ts';
import { fileErrors } from '../files/file-errors.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import { adminError } from './admin-errors.ts';
import { adminFailure, adminHandler, type Pages } from './pages.ts';

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

/** A probe, a scraper and some people. */
const LIMITS = { ...serverLimits, connections: 64 };

/** Accessible for its own user and group. */
const SOCKET_MODE = 0o660;

/** @throws CodedError ADMIN_CANNOT_LISTEN; then nothing listens. */
export async function openAdmin(config: AdminConfig, parts: AdminListenerParts): Promise<AdminListener> {
  const { listen, socket } = config;
  const opened: OpenListener[] = [];
  try {
    if (listen)
      opened.push(await listenAt(await listenerFor(listen.host, config, parts), listen, 'the admin listener'));
    if (socket !== undefined)
      opened.push(
        await listenAtPath(await listenerFor('localhost', config, parts), { path: socket, mode: SOCKET_MODE }),
      );
  } catch (error) {
    await closeAll(opened);
    const { code, message } = asCodedError(error);
    if (code in fileErrors) throw error;
    throw adminError('ADMIN_CANNOT_LISTEN', message, error);
  }
  return { addresses: opened.map(({ address }) => address), close: () => closeAll(opened) };
}

/** It has the guard of the other endpoints, because web pages must not reach it either. */
function listenerFor(
  host: string,
  { allowedHosts }: AdminConfig,
  { pages, clock, log }: AdminListenerParts,
): Promise<Server> {
  return buildListener({
    kind: 'admin',
    guard: requestGuard({ host, allowedHosts }),
    handler: adminHandler(pages),
    failure: adminFailure,
    limits: LIMITS,
    clock,
    log,
  });
}

async function closeAll(listeners: readonly OpenListener[]): Promise<void> {
  await Promise.all(listeners.map(({ close }) => close()));
}
