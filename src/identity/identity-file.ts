import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openFile } from '../files/open-file.ts';
import { streamAt } from '../files/stream.ts';
import type { Finding } from '../files/trust.ts';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { identityError } from './identity-errors.ts';

/** A file as it was at one moment: content and access rights come from the same open file, whatever is renamed meanwhile. */
export interface IdentityFile {
  readonly path: string;
  readonly content: Buffer;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** User id of the owner. */
  readonly owner: number;
  /** Who else could change it. */
  readonly findings: readonly Finding[];
}

/** The longest chain, with ML-DSA keys and in PEM, takes 100 kB. */
const MOST_BYTES = 1024 * 1024;

export type ReadIdentityFile = (path: string) => Promise<IdentityFile>;

/** For a command that ends soon: reads each path once, whatever asks for it, and pipes and standard input too. */
export function readEachOnce(): ReadIdentityFile {
  return eachPathOnce(async (path) => (await readIdentityStream(path)) ?? readIdentityFile(path));
}

export function eachPathOnce<Value>(read: (path: string) => Promise<Value>): (path: string) => Promise<Value> {
  const reads = new Map<string, Promise<Value>>();
  return (path) => {
    const reading = reads.get(resolve(path)) ?? read(path);
    reads.set(resolve(path), reading);
    return reading;
  };
}

async function readIdentityStream(path: string): Promise<IdentityFile | undefined> {
  try {
    const stream = await streamAt(path);
    if (!stream) return undefined;
    const { stats, read } = stream;
    // A socket has no access rights of its own.
    const mode = stats.isSocket() ? 0o600 : stats.mode & 0o777;
    return { path, content: checkedSize(path, await read()), mode, owner: stats.uid, findings: [] };
  } catch (error) {
    throw error instanceof CodedError ? error : accessError(path, error);
  }
}

/** @throws IDENTITY_FILE_MISSING, _UNREADABLE, _NOT_REGULAR, _EMPTY or _TOO_LARGE. */
export async function readIdentityFile(path: string): Promise<IdentityFile> {
  let handle: FileHandle | undefined;
  try {
    const { stats, findings, ...opened } = await openFile(path);
    handle = opened.handle;
    if (!stats.isFile()) throw identityError('IDENTITY_FILE_NOT_REGULAR', `${path} is ${kindOf(stats)}`);
    const content = await buffer(handle.createReadStream({ end: MOST_BYTES, autoClose: false }));
    return { path, content: checkedSize(path, content), mode: stats.mode & 0o777, owner: stats.uid, findings };
  } catch (error) {
    throw error instanceof CodedError ? error : accessError(path, error);
  } finally {
    await handle?.close();
  }
}

function checkedSize(path: string, content: Buffer): Buffer {
  if (content.length === 0) throw identityError('IDENTITY_FILE_EMPTY', `${path} is empty`);
  if (content.length > MOST_BYTES) throw identityError('IDENTITY_FILE_TOO_LARGE', `${path} is larger than 1 MiB`);
  return content;
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  return stats.isFIFO() ? 'a pipe' : 'a device or socket';
}

function accessError(path: string, error: unknown): CodedError {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? identityError('IDENTITY_FILE_MISSING', `${path} does not exist`, error)
    : identityError('IDENTITY_FILE_UNREADABLE', `${path} cannot be read (${code ?? 'unknown reason'})`, error);
}
