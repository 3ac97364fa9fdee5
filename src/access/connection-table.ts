// The owner of a connection from /proc/net/tcp (proc(5)), if sock_diag is unavailable. Reading that
// takes milliseconds, more with thousands of connections, also of those that ended a minute ago.

import { open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, SocketOwner } from './connection-owner.ts';

const TABLES = ['tcp', 'tcp6'] as const;
type Table = (typeof TABLES)[number];

/** Yields the content in pieces of any length. */
export type ReadTable = (table: Table) => AsyncIterable<string>;

/** Afterwards the owners that were not found are unknown. SDKs wait one second for an answer. */
const READING_MS = 1_000;
/** A row can be missed while others come and go. */
const READINGS = 2;

interface Question {
  /** A client may have made its IPv4 connection on an IPv6 socket. */
  readonly keys: readonly string[];
  readonly owner: Promise<SocketOwner | undefined>;
  readonly answer: (owner: SocketOwner | undefined) => void;
}

/**
 * Reads in the background, and only as far as necessary. All clients that come while the table is
 * read share the next reading. Never rejects.
 */
export function connectionTable(
  read: ReadTable = readProc,
  readingMs = READING_MS,
): (client: Connection) => Promise<SocketOwner | undefined> {
  let waiting: Question[] = [];
  let isReading = false;
  const answerAll = async (): Promise<void> => {
    isReading = true;
    while (waiting.length > 0) {
      // Connections come in groups.
      await nextTurn();
      const questions = waiting;
      waiting = [];
      await answer(questions, read, AbortSignal.timeout(readingMs));
    }
    isReading = false;
  };
  return (client) => {
    const asked = question(client);
    waiting.push(asked);
    if (!isReading) void answerAll();
    return asked.owner;
  };
}

function question(client: Connection): Question {
  let answer: Question['answer'] = () => undefined;
  const owner = new Promise<SocketOwner | undefined>((resolve) => {
    answer = resolve;
  });
  const mapped = (): Connection => ({ ...client, local: mappedTo6(client.local), remote: mappedTo6(client.remote) });
  const keys = (client.local.length === 4 ? [client, mapped()] : [client]).map(keyOf);
  return { keys, owner, answer };
}

async function answer(questions: readonly Question[], read: ReadTable, signal: AbortSignal): Promise<void> {
  const unanswered = new Map<string, Question[]>();
  for (const question of questions)
    for (const key of question.keys) unanswered.set(key, [...(unanswered.get(key) ?? []), question]);
  const note = (row: Row): boolean => {
    for (const { keys, answer } of unanswered.get(row.key) ?? []) {
      answer(row);
      for (const key of keys) unanswered.delete(key);
    }
    return unanswered.size === 0;
  };
  for (let reading = 0; reading < READINGS && unanswered.size > 0 && !signal.aborted; reading += 1)
    await findRows(read, note, signal).catch(() => undefined);
  for (const { answer } of questions) answer(undefined);
}

/** @param note - true: no other row is needed. */
async function findRows(read: ReadTable, note: (row: Row) => boolean, signal: AbortSignal): Promise<void> {
  for (const table of TABLES) {
    let rest = '';
    for await (const piece of read(table)) {
      const end = piece.lastIndexOf('\n') + 1;
      for (const row of rowsIn(rest + piece.slice(0, end))) if (note(row)) return;
      rest = end > 0 ? piece.slice(end) : rest + piece;
      if (signal.aborted) return;
    }
  }
}

interface Row extends SocketOwner {
  /** Both ends. */
  readonly key: string;
}

/** `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode` */
const ROW = /^ *\d+: (\S+ \S+) (\S+) \S+ \S+ \S+ +(\d+) +\d+ (\d+)/gm;

function* rowsIn(lines: string): Iterable<Row> {
  for (const [, key = '', state = '', uid, inode] of lines.matchAll(ROW))
    yield { key, state: Number.parseInt(state, 16), uid: Number(uid), inode: Number(inode) };
}

const PIECE_BYTES = 65_536;

async function* readProc(table: Table): AsyncIterable<string> {
  const file = await open(`/proc/self/net/${table}`);
  try {
    const buffer = Buffer.alloc(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES);
      if (bytesRead === 0) return;
      yield buffer.toString('latin1', 0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

function keyOf({ local, localPort, remote, remotePort }: Connection): string {
  return `${endpoint(local, localPort)} ${endpoint(remote, remotePort)}`;
}

/** Words of four bytes as numbers of this machine. */
function endpoint(address: Buffer, port: number): string {
  const bytes = endianness() === 'LE' ? Buffer.from(address).swap32() : address;
  return `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** @param address - of IPv4. */
function mappedTo6(address: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), address]);
}
