import { access, constants, readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../foundation/errors.ts';
import { homeDirectory } from '../foundation/home.ts';
import { TOKEN_FILE } from './container-variables.ts';
import type { Environment, SharedFile, SharedFiles } from './finding.ts';
import { parseProfiles } from './profile-file.ts';

export interface SharedFilePaths {
  readonly config: string;
  readonly credentials: string;
}

export function sharedFilePaths(environment: Environment): SharedFilePaths {
  const home = homeDirectory(environment);
  const named = (variable: string, name: string): string =>
    (environment[variable] || path.join(home, '.aws', name)).replace(/^~(?=\/)/, home);
  return {
    config: named('AWS_CONFIG_FILE', 'config'),
    credentials: named('AWS_SHARED_CREDENTIALS_FILE', 'credentials'),
  };
}

/** Never rejects: a file that cannot be read says why. */
export async function readSharedFiles(environment: Environment): Promise<SharedFiles> {
  const { config, credentials } = sharedFilePaths(environment);
  return {
    config: await readSharedFile(config),
    credentials: await readSharedFile(credentials),
    tokenUnreadable: await unreadable(environment[TOKEN_FILE]),
  };
}

async function unreadable(file: string | undefined): Promise<string | undefined> {
  if (!file) return undefined;
  return access(file, constants.R_OK).then(
    () => undefined,
    (error: unknown) => reasonOf(error),
  );
}

async function readSharedFile(file: string): Promise<SharedFile> {
  try {
    return { path: file, unreadable: undefined, ...parseProfiles(await readFile(file, 'utf8')) };
  } catch (error) {
    const code = reasonOf(error);
    return { path: file, unreadable: code === 'ENOENT' ? undefined : code, sections: [], faults: [] };
  }
}

function reasonOf(error: unknown): string {
  return systemCodeOf(error) ?? 'unknown reason';
}
