import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ContainerConfig, SocketConfig } from '../config/config.ts';
import { buildContainerServer, closeServer, type ContainerServerParts } from '../container/container-server.ts';
import { listenOnSocket, type SocketFile } from '../files/unix-socket.ts';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { pathOwner } from '../platform/port-owner.ts';
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

/** @throws CodedError SOCKET_IN_USE, SOCKET_CANNOT_LISTEN, or one of `fileErrors`. */
export async function openSocketDoor({ path }: SocketConfig, parts: ContainerServerParts): Promise<ListeningDoor> {
  const server = buildContainerServer(parts);
  let file: SocketFile;
  try {
    file = await listenOnSocket(server, path, { mode: OWN_MODE, make: 0o755 });
  } catch (error) {
    throw await socketError(path, error);
  }
  const { setMode } = file;
  return {
    address: path,
    close: async () => {
      await closeServer(server);
      await file.close();
    },
    // Only users whom the roles may admit can connect. Where another process took the file away, there is nothing to open.
    openTo: (roles) => setMode(roles.some(({ allow }) => allow) ? OPEN_MODE : OWN_MODE).catch(() => undefined),
  };
}

async function socketError(file: string, error: unknown): Promise<Error> {
  if (error instanceof CodedError) return error;
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
