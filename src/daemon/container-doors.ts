import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { ContainerConfig, RoleConfig, SocketConfig } from '../config/config.ts';
import { buildContainerServer, closeServer, type ContainerServerParts } from '../container/container-server.ts';
import { messageOf, systemCodeOf } from '../foundation/errors.ts';
import { pathOwner } from '../platform/port-owner.ts';
import { listenOnSocket } from '../platform/unix-socket.ts';
import { daemonError } from './daemon-errors.ts';
import { listenError, urlHost } from './door.ts';
import type { ListeningDoor } from './movable-door.ts';

/** @throws CodedError DOOR_ADDRESS_IN_USE or DOOR_CANNOT_LISTEN. */
export async function openContainerDoor(
  { host, port }: ContainerConfig,
  parts: ContainerServerParts,
): Promise<ListeningDoor> {
  const server = buildContainerServer(parts);
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve));
  } catch (error) {
    throw await listenError('the container door', { host, port }, error);
  }
  const { port: actualPort } = server.address() as AddressInfo;
  return door(`http://${urlHost(host)}:${actualPort}`, server);
}

/** Its own user and root: all that may have a role that does not say `allow`. */
const OWN_MODE = 0o600;
/** Whoever it is, its connection tells. */
const OPEN_MODE = 0o666;

/** @throws CodedError SOCKET_IN_USE or SOCKET_CANNOT_LISTEN. */
export async function openSocketDoor(socket: SocketConfig, parts: ContainerServerParts): Promise<ListeningDoor> {
  const server = buildContainerServer(parts);
  try {
    await mkdir(path.dirname(socket.path), { recursive: true, mode: 0o755 });
    await listenOnSocket(server, socket.path, OWN_MODE);
  } catch (error) {
    throw await socketError(socket.path, error);
  }
  return door(socket.path, server);
}

/** Lets connect to the socket whom the roles may admit. Where somebody took the file away, there is nothing to open. */
export async function openToAdmitted(file: string, roles: readonly RoleConfig[]): Promise<void> {
  await chmod(file, roles.some(({ allow }) => allow) ? OPEN_MODE : OWN_MODE).catch(() => undefined);
}

async function socketError(file: string, error: unknown): Promise<Error> {
  const owner = await pathOwner(file);
  return systemCodeOf(error) === 'EADDRINUSE'
    ? daemonError(
        'SOCKET_IN_USE',
        `${file}: ${owner ?? 'a process'} answers there, or it is something else than a socket`,
        error,
      )
    : daemonError('SOCKET_CANNOT_LISTEN', `cannot listen on ${file}: ${messageOf(error)}`, error);
}

function door(address: string, server: Server): ListeningDoor {
  return { address, close: () => closeServer(server) };
}
