import { createHash } from 'node:crypto';
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

const DEADLINE_MS = 10_000;

/**
 * {@link filesDigest} with a deadline. While a read hangs, no second one is started.
 *
 * @throws FILES_SLOW
 */
export function digestInTime(paths: readonly string[], clock: Clock): () => Promise<string> {
  let reading: Promise<string> | undefined;
  return async () => {
    reading ??= filesDigest(paths).finally(() => (reading = undefined));
    const read = new AbortController();
    const digest = await Promise.race([reading, clock.sleep(DEADLINE_MS, read.signal).then(() => undefined)]);
    read.abort();
    if (digest !== undefined) return digest;
    throw fileError('FILES_SLOW', `${paths.join(', ')} were not read within ${DEADLINE_MS / 1000} s`);
  };
}
