import type { Stats } from 'node:fs';
import { resolve } from 'node:path';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { fileError } from './file-errors.ts';
import { readFirst } from './open-file.ts';
import { streamAt } from './stream.ts';
import type { Finding } from './trust.ts';

/**
 * A file at one moment: content and access rights come from the same open file, whatever is renamed
 * meanwhile.
 */
export interface FileContent {
  readonly path: string;
  readonly content: Buffer;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  /** User id of the owner. */
  readonly owner: number;
  /** Who else could change it. */
  readonly findings: readonly Finding[];
}

/**
 * The longest certificate chain, with ML-DSA keys in PEM, takes 100 kB. A configuration takes less.
 */
const MOST_BYTES = 1024 * 1024;

export type ReadFileContent = (path: string) => Promise<FileContent>;

/**
 * For a command that ends soon: reads each path once, for all uses, including pipes and standard
 * input.
 */
export function readEachOnce(): ReadFileContent {
  return eachPathOnce(async (path) => (await readStream(path)) ?? readFileContent(path));
}

export function eachPathOnce<Value>(read: (path: string) => Promise<Value>): (path: string) => Promise<Value> {
  const reads = new Map<string, Promise<Value>>();
  return (path) => {
    const reading = reads.get(resolve(path)) ?? read(path);
    reads.set(resolve(path), reading);
    return reading;
  };
}

async function readStream(path: string): Promise<FileContent | undefined> {
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

/**
 * A regular file that is not empty.
 *
 * @throws FILE_MISSING, _UNREADABLE, _NOT_REGULAR, _EMPTY or _TOO_LARGE.
 */
export async function readFileContent(path: string): Promise<FileContent> {
  try {
    const { content, stats, findings } = await readFirst(path, MOST_BYTES, (stats) => {
      if (!stats.isFile()) throw fileError('FILE_NOT_REGULAR', `${path} is ${kindOf(stats)}`);
    });
    return { path, content: checkedSize(path, content), mode: stats.mode & 0o777, owner: stats.uid, findings };
  } catch (error) {
    throw error instanceof CodedError ? error : accessError(path, error);
  }
}

function checkedSize(path: string, content: Buffer): Buffer {
  if (content.length === 0) throw fileError('FILE_EMPTY', `${path} is empty`);
  if (content.length > MOST_BYTES) throw fileError('FILE_TOO_LARGE', `${path} is larger than 1 MiB`);
  return content;
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  return stats.isFIFO() ? 'a pipe' : 'a device or socket';
}

function accessError(path: string, error: unknown): CodedError {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR'
    ? fileError('FILE_MISSING', `${path} does not exist`, error)
    : fileError('FILE_UNREADABLE', `${path} cannot be read (${code ?? 'unknown reason'})`, error);
}
