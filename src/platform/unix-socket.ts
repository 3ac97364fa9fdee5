import { once } from 'node:events';
import { lstat, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { systemCodeOf } from '../foundation/errors.ts';

/**
 * Listens on a Unix socket of this mode. What a daemon that was killed has left there is removed; a socket on which somebody answers,
 * and anything that is no socket, stays.
 *
 * @throws Error with the system's code, EADDRINUSE where somebody answers.
 */
export async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  try {
    await listenAt(server, path, mode);
  } catch (error) {
    if (systemCodeOf(error) !== 'EADDRINUSE' || !(await isLeftBehind(path))) throw error;
    await rm(path);
    await listenAt(server, path, mode);
  }
}

/** The file is made within the call, with what the mask leaves of 0777: there is no moment in which others could connect. */
async function listenAt(server: Server, path: string, mode: number): Promise<void> {
  const mask = process.umask(0o777 & ~mode);
  try {
    server.listen(path);
  } finally {
    process.umask(mask);
  }
  await once(server, 'listening');
}

async function isLeftBehind(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false;
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return systemCodeOf(error) === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}
