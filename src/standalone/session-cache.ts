import path from 'node:path';
import { takeLock } from '../files/file-lock.ts';
import type { ReadFileContent } from '../files/read-file.ts';
import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import { homeDirectory } from '../foundation/home.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { loadKeyAlone } from '../identity/key-alone.ts';
import { filePath } from '../keys/key-source.ts';
import { sealingKey } from '../keys/signer.ts';
import type { KeyMaterial } from '../keys/signing-key.ts';
import { cachedSession } from '../state/cached-session.ts';
import { privateFiles } from '../state/private-files.ts';
import { cachedSource, LONGEST_LOCK_MS } from './cached-source.ts';
import { requestText, type SessionRequest, type SessionSource } from './session-request.ts';

export interface SessionCacheParts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly warn: (warning: CodedError) => void;
  readonly read: ReadFileContent;
}

/**
 * `source` with a cache for this user. The cache is sealed with the private key that a new session
 * would need.
 */
export function withSessionCache(
  source: SessionSource,
  request: SessionRequest,
  { clock, environment, warn, read }: SessionCacheParts,
): SessionSource {
  const { identity } = request;
  const keyFile = filePath(identity.privateKey ?? identity.certificate);
  // A key that cannot be read seals nothing.
  if (keyFile === undefined) return source;
  const directory = cacheDirectory(environment);
  let reading: Promise<KeyMaterial> | undefined;
  const cache = cachedSession({
    request: requestText(request),
    roleName: request.role.name,
    files: privateFiles(directory),
    key: async () => sealingKey(await (reading ??= loadKeyAlone(keyFile, identity, environment, read))),
  });
  const lock = path.join(directory, `${cache.name}.lock`);
  return cachedSource(source, { cache, lock: () => takeLock(lock, LONGEST_LOCK_MS, clock.now()), clock, warn });
}

/** The XDG Base Directory Specification says to ignore relative paths. */
function cacheDirectory(environment: Environment): string {
  const named = environment['XDG_CACHE_HOME'] ?? '';
  const base = path.isAbsolute(named) ? named : path.join(homeDirectory(environment), '.cache');
  return path.join(base, 'imds-anywhere');
}
