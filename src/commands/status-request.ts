import { once } from 'node:events';
import { type IncomingMessage, request, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Status } from '../admin/status.ts';
import type { AdminConfig } from '../config/config.ts';
import { askedAddress, hostAndPort } from '../foundation/address.ts';
import { messageOf } from '../foundation/errors.ts';
import { printableLine } from '../foundation/printable.ts';
import { commandError } from './command-errors.ts';

/** Address of an admin listener: `http://127.0.0.1:9910`, or the path of a socket. */
export type AdminPlace = { readonly url: string } | { readonly socket: string };

/** @throws CodedError ADMIN_PORT_UNKNOWN */
export function placeIn({ listen, socket }: AdminConfig): AdminPlace {
  if (listen && listen.port !== 0) return { url: `http://${hostAndPort(askedAddress(listen))}` };
  if (socket !== undefined) return { socket };
  throw commandError('ADMIN_PORT_UNKNOWN', 'admin.listen has port 0, so the daemon chooses the port when it starts');
}

const DEADLINE_MS = 5_000;

/** @throws CodedError DAEMON_UNREACHABLE if there is no answer in time, or not one of a daemon. */
export async function requestStatus(place: AdminPlace): Promise<Status> {
  const name = 'url' in place ? place.url : place.socket;
  try {
    return statusIn(await get(place));
  } catch (error) {
    throw commandError('DAEMON_UNREACHABLE', `no status from ${name}: ${messageOf(error)}`, error);
  }
}

async function get(place: AdminPlace): Promise<string> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const options: RequestOptions =
    'url' in place ? { signal } : { signal, socketPath: place.socket, headers: { host: 'localhost' } };
  const sent = request(new URL('/status', 'url' in place ? place.url : 'http://localhost'), options).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const body = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`it answers ${answer.statusCode ?? 0}`);
  return body;
}

/** Contains text from upstream. A line end in it would look like another status line. */
function shownValue(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? printableLine(value) : value;
}

/** The daemon may have another version. Within one schema, all fields read here exist. */
function statusIn(body: string): Status {
  const value: unknown = JSON.parse(body, shownValue);
  if (typeof value !== 'object' || value === null || !('schema' in value))
    throw new Error('the server there is not an admin listener');
  if (value.schema !== 1) throw new Error(`its status has schema ${String(value.schema)}, but this program supports 1`);
  return value as Status;
}
