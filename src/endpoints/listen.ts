// Opens listeners at an address or a socket.

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenOnSocket, type SocketFile } from '../files/unix-socket.ts';
import { urlHost } from '../foundation/address.ts';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { pathOwner, portOwner } from '../platform/port-owner.ts';
import { endpointError } from './endpoint-errors.ts';
import { closeServer } from './listener.ts';

export interface TcpPlace {
  readonly host: string;
  readonly port: number;
  /** Descriptor of a listening socket, used instead. */
  readonly descriptor?: number | undefined;
}

export interface SocketPlace {
  readonly path: string;
  /** The mode of its file. */
  readonly mode: number;
  /** Create missing directories, with this mode. */
  readonly make?: number;
}

/** A listener that listens. */
export interface OpenListener {
  /** `http://HOST:PORT` or the path of the socket. */
  readonly address: string;
  readonly close: () => Promise<void>;
  /** Mode of the socket's file, which decides which users can connect. Absent if every user can. */
  readonly setMode?: (mode: number) => Promise<void>;
}

/**
 * @param who - what the address is for, in the error.
 * @throws CodedError ENDPOINT_ADDRESS_IN_USE or ENDPOINT_CANNOT_LISTEN.
 */
export async function listenAt(server: Server, place: TcpPlace, who: string): Promise<OpenListener> {
  const { host, port, descriptor } = place;
  try {
    server.listen({ host, port, ...(descriptor !== undefined && { fd: descriptor }) });
    await once(server, 'listening');
  } catch (error) {
    throw await listenError(who, place, error);
  }
  const actual = server.address() as AddressInfo;
  const address = `http://${urlHost(descriptor === undefined ? host : actual.address)}:${actual.port}`;
  return { address, close: () => closeServer(server) };
}

async function listenError(who: string, { host, port }: TcpPlace, error: unknown): Promise<Error> {
  const what = `${who} cannot listen on ${urlHost(host)}:${port}`;
  return systemCodeOf(error) === 'EADDRINUSE'
    ? endpointError(
        'ENDPOINT_ADDRESS_IN_USE',
        `${what}: ${(await portOwner(port)) ?? 'another process'} listens there`,
        error,
      )
    : endpointError('ENDPOINT_CANNOT_LISTEN', `${what}: ${messageOf(error)}`, error);
}

/** @throws CodedError SOCKET_IN_USE, SOCKET_CANNOT_LISTEN, or one of `fileErrors`. */
export async function listenAtPath(server: Server, { path, ...options }: SocketPlace): Promise<OpenListener> {
  let file: SocketFile;
  try {
    file = await listenOnSocket(server, path, options);
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
    setMode,
  };
}

async function socketError(file: string, error: unknown): Promise<Error> {
  if (error instanceof CodedError) return error;
  const owner = await pathOwner(file);
  return systemCodeOf(error) === 'EADDRINUSE'
    ? endpointError('SOCKET_IN_USE', `${file}: ${owner ?? 'a process'} answers there, or it is not a socket`, error)
    : endpointError('SOCKET_CANNOT_LISTEN', `cannot listen on ${file}: ${messageOf(error)}`, error);
}
