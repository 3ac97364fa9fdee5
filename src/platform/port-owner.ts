import { readdir, readFile, readlink } from 'node:fs/promises';
import { processName } from './process-name.ts';

/** `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`; 0A is LISTEN (proc(5), net/tcp_states.h). */
const LISTENING = /^\s*\d+: [0-9A-F]+:(?<port>[0-9A-F]{4}) \S+ 0A(?: +\S+){3} +(?<uid>\d+) +\S+ +(?<inode>\d+) /gm;

/**
 * The process that listens on a TCP port, for a message: `process 812 (nginx)`. Undefined if /proc
 * hides it, as for another user's process. Reads the links of every process, so use it only for
 * errors.
 */
export async function portOwner(port: number): Promise<string | undefined> {
  return ownerOf(await listeningSockets(port));
}

/** The same for a Unix socket. */
export async function pathOwner(path: string): Promise<string | undefined> {
  const table = await readFile('/proc/net/unix', 'utf8').catch(() => '');
  const rows = table.split('\n').map((line) => line.split(/ +/));
  // proc(5): Num RefCount Protocol Flags Type St Inode Path
  return ownerOf(
    new Set(rows.filter((row) => row.slice(7).join(' ') === path).map((row) => `socket:[${row[6] ?? ''}]`)),
  );
}

async function ownerOf(sockets: ReadonlySet<string>): Promise<string | undefined> {
  try {
    if (sockets.size === 0) return undefined;
    for (const pid of await readdir('/proc'))
      if (/^\d+$/.test(pid) && (await hasOpen(pid, sockets)))
        return `process ${pid} (${processName(Number(pid)) ?? '?'})`;
  } catch {
    // No /proc, or no access to it.
  }
  return undefined;
}

/** The numbers of the users who listen on a TCP port. None if /proc does not show them. */
export async function listeningUsers(port: number): Promise<readonly number[]> {
  return (await listening(port)).map(({ uid }) => uid);
}

async function listeningSockets(port: number): Promise<ReadonlySet<string>> {
  return new Set((await listening(port)).map(({ inode }) => `socket:[${inode}]`));
}

async function listening(port: number): Promise<readonly { readonly uid: number; readonly inode: string }[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((table) => readFile(table, 'latin1').catch(() => '')),
  );
  return tables
    .flatMap((table) => [...table.matchAll(LISTENING)])
    .filter(({ groups }) => Number.parseInt(groups?.['port'] ?? '', 16) === port)
    .map(({ groups }) => ({ uid: Number(groups?.['uid']), inode: groups?.['inode'] ?? '' }));
}

async function hasOpen(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors)
    if (sockets.has(await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ''))) return true;
  return false;
}
