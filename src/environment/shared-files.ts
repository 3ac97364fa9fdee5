import { access, constants, readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../foundation/errors.ts';
import { homeDirectory } from '../foundation/home.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { parseProfiles } from './profile-file.ts';
import type { SharedFile, SharedFiles } from './sdk-settings.ts';

export interface SharedFilePaths {
  readonly config: string;
  readonly credentials: string;
}

export function sharedFilePaths(environment: Environment): SharedFilePaths {
  const named = (variable: string, name: string): string =>
    withHome(environment[variable] || `~/.aws/${name}`, environment);
  return {
    config: named('AWS_CONFIG_FILE', 'config'),
    credentials: named('AWS_SHARED_CREDENTIALS_FILE', 'credentials'),
  };
}

/** Variables that name a file. Some client fails if the file is missing. */
const FILE_VARIABLES = ['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE', 'AWS_CREDENTIAL_FILE'] as const;

/** Never rejects. The result says why a file cannot be read. */
export async function readSharedFiles(environment: Environment): Promise<SharedFiles> {
  const { config, credentials } = sharedFilePaths(environment);
  const home = withHome('~/.aws/credentials', environment);
  const boto = environment['BOTO_CONFIG'] === undefined ? ['/etc/boto.cfg', '~/.boto'] : [environment['BOTO_CONFIG']];
  const older = environment['AWS_CREDENTIAL_FILE'];
  const unreadable: [string, string][] = [];
  for (const name of FILE_VARIABLES) {
    const reason = await unreadableReason(environment, name);
    if (reason !== undefined) unreadable.push([name, reason]);
  }
  return {
    config: await readSharedFile(config),
    credentials: await readSharedFile(credentials),
    ...(home !== credentials && { homeCredentials: await readSharedFile(home) }),
    boto: await Promise.all(boto.map((name) => readSharedFile(withHome(name, environment)))),
    olderKeys: older ? await keysOf(withHome(older, environment)) : [],
    unreadable: Object.fromEntries(unreadable),
  };
}

function withHome(name: string, environment: Environment): string {
  return name.replace(/^~(?=\/)/, () => path.join(homeDirectory(environment)));
}

async function unreadableReason(environment: Environment, variable: string): Promise<string | undefined> {
  const name = environment[variable];
  if (name === undefined || (name === '' && variable !== 'AWS_CREDENTIAL_FILE')) return undefined;
  return access(withHome(name, environment), constants.R_OK).then(
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

/** The text before `=` in each line. */
async function keysOf(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => /^\s*([^=\s]+)\s*=/.exec(line)?.slice(1) ?? []);
}
