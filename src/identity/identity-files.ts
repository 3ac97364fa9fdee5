import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { identityError } from './identity-errors.ts';
import { readIdentityFile } from './identity-file.ts';

/** The files that make an identity, the passphrase's among them: when one of them changes, the identity may have changed. */
export function identityPaths(config: IdentityConfig, environment: Environment): readonly string[] {
  const { certificate, privateKey, intermediates, trustAnchorBundle, passphrase } = config;
  const directory = environment['CREDENTIALS_DIRECTORY'];
  const paths = [
    certificate,
    privateKey,
    intermediates,
    trustAnchorBundle,
    passphrase?.from === 'file' ? passphrase.path : undefined,
    passphrase?.from === 'credential' && directory ? join(directory, passphrase.name) : undefined,
  ];
  return [...new Set(paths.filter((path) => path !== undefined))];
}

/**
 * Tells one state of some files from another, whatever their times say: content, access rights there and on the way, or why a file cannot be read.
 * Never rejects. One after the other: a network share that hangs holds the thread that asks it, and a process has four for all its
 * files and name lookups.
 */
export async function filesDigest(paths: readonly string[]): Promise<string> {
  const digest = createHash('sha256');
  for (const path of paths) digest.update(await fileDigest(path));
  return digest.digest('hex');
}

async function fileDigest(path: string): Promise<Buffer> {
  const digest = createHash('sha256');
  try {
    const { content, mode, owner, findings } = await readIdentityFile(path);
    const others = findings.map(({ error }) => error.message).join(' ');
    return digest.update(`${mode} ${owner} ${others} `).update(content).digest();
  } catch (error) {
    return digest.update(asCodedError(error).code).digest();
  }
}

const DEADLINE_MS = 10_000;

/**
 * {@link filesDigest} that is given up, but not begun again while it hangs.
 *
 * @throws IDENTITY_FILES_SLOW
 */
export function digestInTime(paths: readonly string[], clock: Clock): () => Promise<string> {
  let reading: Promise<string> | undefined;
  return async () => {
    reading ??= filesDigest(paths).finally(() => (reading = undefined));
    const read = new AbortController();
    const digest = await Promise.race([reading, clock.sleep(DEADLINE_MS, read.signal).then(() => undefined)]);
    read.abort();
    if (digest !== undefined) return digest;
    throw identityError('IDENTITY_FILES_SLOW', `${paths.join(', ')} were not read within ${DEADLINE_MS / 1000} s`);
  };
}
