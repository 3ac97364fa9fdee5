import { once } from 'node:events';
import type { Stats } from 'node:fs';
import { chmod, lstat, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { systemCodeOf } from '../foundation/errors.ts';
import { enter } from './place.ts';
import { findingsOf, openSafePlace, type Use } from './safe-place.ts';

/** The file of a listening socket. */
export interface SocketFile {
  /** Changes whether other users can connect. Does nothing if another file has replaced it. */
  readonly setMode: (mode: number) => Promise<void>;
  /** Call it after closing the server, which removes its own file. */
  readonly close: () => Promise<void>;
}

export interface SocketOptions {
  readonly mode: number;
  /** Create missing directories, with this mode. */
  readonly make?: number;
}

const WRITTEN: Use = { use: 'written' };
/** sun_path of Linux, without the terminating byte. Clients connect with the whole path. */
const LONGEST_PATH = 107;

/**
 * Listens on a Unix socket with this mode. Removes the leftover of a killed daemon, but not a
 * socket on which a process answers, or anything that is not a socket.
 *
 * @throws CodedError of `fileErrors` if others could redirect it; Error with the system's code,
 * EADDRINUSE if a process answers.
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  { mode, ...options }: SocketOptions,
): Promise<SocketFile> {
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw Object.assign(new Error(`a socket path has at most ${LONGEST_PATH} bytes`), { code: 'ENAMETOOLONG' });
  const place = await openSafePlace(path, WRITTEN, options);
  try {
    // `ss` shows the bound name, so use the real one if others cannot redirect it.
    const isOurs = (await findingsOf(place.steps, WRITTEN)).length === 0;
    await listenIn(server, isOurs ? path : place.file, mode);
    const { dev, ino } = await lstat(place.file);
    return { setMode: (wanted) => setMode(place.file, { dev, ino }, wanted), close: place.close };
  } catch (error) {
    await place.close();
    throw error;
  }
}

async function listenIn(server: Server, file: string, mode: number): Promise<void> {
  try {
    await listenAt(server, file, mode);
  } catch (error) {
    if (systemCodeOf(error) !== 'EADDRINUSE' || !(await isLeftBehind(file))) throw error;
    await rm(file);
    await listenAt(server, file, mode);
  }
}

/** The call creates the file with 0777 minus the mask, so others can never connect in between. */
async function listenAt(server: Server, file: string, mode: number): Promise<void> {
  const mask = process.umask(0o777 & ~mode);
  try {
    server.listen(file);
  } finally {
    process.umask(mask);
  }
  await once(server, 'listening');
}

/** By descriptor: chmod(2) by name would follow a link to any file. */
async function setMode(file: string, { dev, ino }: Pick<Stats, 'dev' | 'ino'>, mode: number): Promise<void> {
  const entry = await enter(file);
  try {
    const { stats } = entry;
    if (stats.isSocket() && stats.dev === dev && stats.ino === ino) await chmod(entry.at, mode);
  } finally {
    await entry.close();
  }
}

async function isLeftBehind(file: string): Promise<boolean> {
  if (!(await lstat(file)).isSocket()) return false;
  const socket = connect(file);
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return systemCodeOf(error) === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}
