import path from 'node:path';
import type { AssumeConfig, Config, IdentityConfig } from '../config/config.ts';
import { inspectArgument, inspectFile } from '../files/inspect-file.ts';
import type { Use } from '../files/safe-place.ts';
import { type ConfigFinding, configFinding, type KeyPath } from '../foundation/config-finding.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { identityFiles, programFiles } from '../identity/identity-files.ts';
import { secretFile } from '../identity/passphrase.ts';

interface NamedFile {
  readonly path: KeyPath;
  readonly file: string;
  /** An argument of a program counts only if it names a file. */
  readonly use: Use | 'argument';
  /** The operator accepts that others may change it, because the file system cannot do better. */
  readonly mayBeOpen?: boolean;
}

const TRUSTED: Use = { use: 'trusted' };
const WRITTEN: Use = { use: 'written' };

/** All files in the configuration that the daemon reads, except the identity. */
export function readFiles({ rolesAnywhere, roles, state, container }: Config, environment: Environment): NamedFile[] {
  const keys = container?.kubernetes?.jwks;
  return [
    ...named(['rolesAnywhere', 'caBundle'], rolesAnywhere.caBundle, TRUSTED),
    ...named(['stateKey'], secretFile(state?.key, environment), TRUSTED),
    ...roles.flatMap(({ assume }, index) =>
      named(['roles', index, 'assume', 'policy', 'file'], policyFile(assume), TRUSTED),
    ),
    ...named(['container', 'kubernetes', 'jwks', 'file'], keys?.from === 'file' ? keys.path : undefined, TRUSTED),
    ...named(
      ['container', 'kubernetes', 'jwks', 'caBundle'],
      keys?.from === 'url' ? keys.caBundle : undefined,
      TRUSTED,
    ),
  ];
}

/** The program that it starts, and its scripts. */
function startedFiles({ identity: { renew, allowReadableKey: mayBeOpen } }: Config): NamedFile[] {
  return programFiles(renew?.command ?? []).map((one) => ({
    ...{ path: ['identity', 'renew', 'command'], file: one.file, use: useOf(one), mayBeOpen },
  }));
}

/** All files that it writes. */
function writtenFiles({ state, audit, socket, admin, container }: Config): NamedFile[] {
  return [
    ...named(['stateDirectory'], state?.directory, WRITTEN),
    ...named(['audit', 'file'], audit?.to === 'file' ? audit.path : undefined, WRITTEN),
    ...named(['socket', 'path'], socket?.path, WRITTEN),
    ...named(['admin', 'socket'], admin?.socket, WRITTEN),
    ...(container?.tokens ?? []).map(({ file, owner }, index) => ({
      path: ['container', 'tokens', index, 'file'],
      // The directory, because the file itself is replaced. A user name is looked up when the token
      // is written.
      file: path.dirname(file),
      use: { ...WRITTEN, ...(typeof owner === 'string' ? { inHome: true } : { owner }) },
    })),
  ];
}

function policyFile(assume: AssumeConfig | undefined): string | undefined {
  return assume?.policy?.from === 'file' ? assume.policy.path : undefined;
}

function named(keys: KeyPath, file: string | undefined, use: Use): NamedFile[] {
  return file === undefined ? [] : [{ path: keys, file, use }];
}

/**
 * Problems of all files in a configuration, except the identity, which is checked whenever it
 * changes.
 */
export function fileFindings(config: Config, environment: Environment): Promise<readonly ConfigFinding[]> {
  return inspected([...startedFiles(config), ...readFiles(config, environment), ...writtenFiles(config)]);
}

/** Of the files of an identity. */
export function identityFileFindings(
  identity: IdentityConfig,
  environment: Environment,
): Promise<readonly ConfigFinding[]> {
  const { allowReadableKey: mayBeOpen } = identity;
  return inspected(
    identityFiles(identity, environment).map((one) => ({ path: one.path, file: one.file, use: useOf(one), mayBeOpen })),
  );
}

function useOf({ use }: Pick<ReturnType<typeof identityFiles>[number], 'use'>): NamedFile['use'] {
  return use === 'argument' ? use : TRUSTED;
}

/** A directory of several files is reported at the first of them. */
async function inspected(files: readonly NamedFile[]): Promise<readonly ConfigFinding[]> {
  const found = new Map<string, ConfigFinding>();
  for (const { path: keys, file, use, mayBeOpen } of files)
    for (const finding of await (use === 'argument' ? inspectArgument(file) : inspectFile(file, use))) {
      const { message } = finding.error;
      if (!found.has(message)) found.set(message, configFinding(finding, keys, mayBeOpen));
    }
  return [...found.values()];
}
