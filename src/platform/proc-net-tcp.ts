import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import type { Connection, SocketOwner } from './connection-owner.ts';

/**
 * The same from /proc/net/tcp: milliseconds, more with thousands of connections, in which nothing else happens; for where sock_diag
 * cannot be asked.
 */
export function procNetTcp(client: Connection): SocketOwner | undefined {
  // The client may have made its IPv4 connection on an IPv6 socket.
  const mapped = { ...client, local: mappedTo6(client.local), remote: mappedTo6(client.remote) };
  return (client.local.length === 4 ? rowOf('tcp', client) : undefined) ?? rowOf('tcp6', mapped);
}

/** proc(5): `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode` */
function rowOf(table: 'tcp' | 'tcp6', { local, localPort, remote, remotePort }: Connection): SocketOwner | undefined {
  const wanted = ` ${endpoint(local, localPort)} ${endpoint(remote, remotePort)} `;
  const text = read(`/proc/self/net/${table}`);
  const at = text.indexOf(wanted);
  if (at < 0) return undefined;
  const [state = '', , , , uid, , inode] = text.slice(at + wanted.length, text.indexOf('\n', at)).split(/ +/);
  return { state: Number.parseInt(state, 16), uid: Number(uid), inode: Number(inode) };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Words of four bytes as numbers of this machine. */
function endpoint(address: Buffer, port: number): string {
  const bytes = endianness() === 'LE' ? Buffer.from(address).swap32() : address;
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

function mappedTo6(address: Buffer): Buffer {
  return address.length === 16 ? address : Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), address]);
}
