import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { addressBytes } from '../foundation/address.ts';
import { type Libc, loadLibc } from '../platform/libc.ts';
import { type Connection, sockDiag, type SocketOwner } from './connection-owner.ts';
import { connectionTable } from './connection-table.ts';

// The user at the other end of a connection from this host.

export interface Peer {
  readonly uid: number;
  /** Of the process that connected. Another process may use the connection now. */
  readonly pid?: number;
}

/** At once if the kernel answers at once. */
export type Soon<T> = T | Promise<T>;

/** Undefined if the client is gone, on another host, or in another network namespace. Never rejects. */
export type PeerUser = (socket: Socket) => Soon<Peer | undefined>;

export interface PeerUsers {
  readonly tcp: PeerUser | undefined;
  readonly unix: PeerUser | undefined;
}

/**
 * The working methods: each one over TCP is tried once with our own connection, because a wrong
 * answer would be worse than none.
 */
export async function peerUsers(): Promise<PeerUsers> {
  const map = uidMap();
  if (process.platform !== 'linux' || hidesUsers(map)) return { tcp: undefined, unix: undefined };
  const libc = await loadLibc();
  const known = (user: PeerUser): PeerUser => knownUser(user, map, overflowUser());
  const ways = [...(libc ? [sockDiag(libc)] : []), connectionTable()].map((owner) => known(tcpUser(owner)));
  let tcp: PeerUser | undefined;
  for (const way of ways) if (!tcp && (await findsOurselves(way))) tcp = way;
  return { tcp, unix: libc && known(peerCredentials(libc)) };
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** unix(7): the user at the time of the connection. */
function peerCredentials(libc: Libc): PeerUser {
  return (socket) => {
    const { fd = -1 } = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle ?? {};
    const credentials = Buffer.alloc(12);
    const found = libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, [credentials.length]);
    const [pid = 0, uid] = new Uint32Array(credentials.buffer, credentials.byteOffset, 3);
    if (found !== 0 || uid === undefined) return undefined;
    // 0: of another process ID namespace.
    return { uid, ...(pid > 0 && { pid }) };
  };
}

/** ESTABLISHED, and half-closed states of the client. */
const LIVING_STATES: ReadonlySet<number> = new Set([1, 4, 5]);

/** Clients of a host have few addresses, most of them the same one. */
const REMEMBERED_ADDRESSES = 64;

function tcpUser(ownerOf: (client: Connection) => Soon<SocketOwner | undefined>): PeerUser {
  const known = new Map<string, Buffer>();
  const bytesOf = (address: string): Buffer | undefined => {
    const remembered = known.get(address);
    if (remembered) return remembered;
    const bytes = addressBytes(address);
    if (bytes && known.size < REMEMBERED_ADDRESSES) known.set(address, bytes);
    return bytes;
  };
  return ({ remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 }) => {
    const local = bytesOf(remoteAddress);
    const remote = bytesOf(localAddress);
    if (!local || !remote) return undefined;
    return afterwards(ownerOf({ local, localPort: remotePort, remote, remotePort: localPort }), livingUser);
  };
}

/** A socket that its process has closed appears as root's. */
function livingUser(owner: SocketOwner | undefined): Peer | undefined {
  return owner && owner.inode !== 0 && LIVING_STATES.has(owner.state) ? { uid: owner.uid } : undefined;
}

export function afterwards<T, U>(value: Soon<T>, use: (value: T) => U): Soon<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}

async function findsOurselves(way: PeerUser): Promise<boolean> {
  const server = createServer().listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    return (await acceptedOwn(server, way)) === process.geteuid?.();
  } catch {
    return false;
  } finally {
    server.close();
  }
}

async function acceptedOwn(server: Server, way: PeerUser): Promise<number | undefined> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  try {
    return (await way(accepted))?.uid;
  } finally {
    client.destroy();
    accepted.destroy();
  }
}

/** user_namespaces(7): `inside outside length` in each line. */
function uidMap(): string {
  return systemFile('/proc/self/uid_map');
}

function systemFile(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** The kernel shows this user for every user that is missing in the map of this user namespace. */
function overflowUser(): number {
  return Number(systemFile('/proc/sys/kernel/overflowuid') || 65_534);
}

/** Treats the number that stands for many users as unknown, unless this namespace has them all. */
export function knownUser(user: PeerUser, map: string, overflow: number): PeerUser {
  if (/^\s*0\s+0\s+4294967295\s*$/.test(map)) return user;
  const known = (peer: Peer | undefined): Peer | undefined => (peer?.uid === overflow ? undefined : peer);
  return (socket) => afterwards(user(socket), known);
}

const USERS_OF_A_HOST = 1_000;

/**
 * In a user namespace with few users, such as with systemd's PrivateUsers=, all others look like
 * nobody.
 */
export function hidesUsers(map: string): boolean {
  const lengths = map.split('\n').map((line) => Number(line.trim().split(/\s+/)[2] ?? 0));
  return lengths.reduce((sum, length) => sum + length, 0) < USERS_OF_A_HOST;
}
