import path from 'node:path';
import type { Config } from './config.ts';
import type { WrittenConfig } from './schema.ts';
import { DEFAULT_SOCKET } from '../foundation/daemon-socket.ts';

export function resolveSocket({ socket }: WrittenConfig, directory: string): Pick<Config, 'socket'> {
  return socket ? { socket: { path: path.resolve(directory, socket.path ?? DEFAULT_SOCKET) } } : {};
}
