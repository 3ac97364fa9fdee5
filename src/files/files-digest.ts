import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { fileError } from './file-errors.ts';
import { readFileContent } from './read-file.ts';

/**
 * Identifies a state of some files, independent of their times: content, access rights of them and
 * their directories, or why a file cannot be read. Never rejects. Reads one file after the other,
 * because a hanging network share blocks its thread, and a process has four threads for all files
 * and name lookups.
 */
export async function filesDigest(paths: readonly string[]): Promise<string> {
  const digest = createHash('sha256');
  for (const path of paths) digest.update(await fileDigest(path));
  return digest.digest('hex');
}

async function fileDigest(path: string): Promise<Buffer> {
  const digest = createHash('sha256');
  try {
    const { content, mode, owner, findings } = await readFileContent(path);
    const others = findings.map(({ error }) => error.message).join(' ');
    return digest.update(`${mode} ${owner} ${others} `).update(content).digest();
  } catch (error) {
    return digest.update(asCodedError(error).code).digest();
  }
}

/** For what {@link stampOf} does not cover, such as the rights of directories higher up. */
const READ_AGAIN_MS = 60 * 60_000;

/** The coarsest file systems count two seconds. */
const COARSEST_TIME_MS = 3_000;

/**
 * {@link filesDigest} for many calls: reads the files again only if the system reports a change, or
 * after an hour. To read a file takes ten times as many calls as to ask for its times, and each
 * wakes two threads.
 */
export function repeatedDigest(paths: readonly string[], clock: Clock): () => Promise<string> {
  let last: { readonly stamp: string; readonly digest: string; readonly at: number } | undefined;
  return async () => {
    const at = clock.monotonic();
    const { stamp, changed } = await stampOf(paths);
    if (last?.stamp === stamp && at - last.at < READ_AGAIN_MS) return last.digest;
    const digest = await filesDigest(paths);
    // A file that has just changed may change again without another time.
    const isSettled = Math.abs(Date.now() - changed) > COARSEST_TIME_MS;
    last = isSettled ? { stamp, digest, at } : undefined;
    return digest;
  };
}

interface Stamp {
  /** Differs after a change of a file, or of the rights of its directory. */
  readonly stamp: string;
  /** When the last file was changed. */
  readonly changed: number;
}

async function stampOf(paths: readonly string[]): Promise<Stamp> {
  const files = await statsOf(paths);
  const directories = await statsOf(new Set(paths.map((path) => dirname(path))));
  const stamps = [
    ...files.map(({ size, mtimeNs, ctimeNs, ...others }) => [size, mtimeNs, ctimeNs, ...rights(others)]),
    ...directories.map(rights),
  ];
  return { stamp: stamps.join(' '), changed: Math.max(...files.map(({ ctimeMs }) => Number(ctimeMs))) };
}

/** One call after the other: see {@link filesDigest}. A file without an answer has no times. */
async function statsOf(paths: Iterable<string>): Promise<readonly Partial<BigIntStats>[]> {
  const all: Partial<BigIntStats>[] = [];
  for (const path of paths) all.push(await stat(path, { bigint: true }).catch(() => ({})));
  return all;
}

function rights({ dev, ino, mode, uid, gid }: Partial<BigIntStats>): readonly unknown[] {
  return [dev, ino, mode, uid, gid];
}

const DEADLINE_MS = 10_000;

/**
 * {@link repeatedDigest} with a deadline. While a read hangs, no second one is started.
 *
 * @throws FILES_SLOW
 */
export function digestInTime(paths: readonly string[], clock: Clock): () => Promise<string> {
  const next = repeatedDigest(paths, clock);
  let reading: Promise<string> | undefined;
  return async () => {
    reading ??= next().finally(() => (reading = undefined));
    const read = new AbortController();
    const digest = await Promise.race([reading, clock.sleep(DEADLINE_MS, read.signal).then(() => undefined)]);
    read.abort();
    if (digest !== undefined) return digest;
    throw fileError('FILES_SLOW', `${paths.join(', ')} were not read within ${DEADLINE_MS / 1000} s`);
  };
}
