import path from 'node:path';
import type { IdentityConfig } from '../config/config.ts';
import type { KeyPath } from '../foundation/config-finding.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { filePath, type KeySource } from '../keys/key-source.ts';
import { secretFile } from './passphrase.ts';

/** A file that an identity depends on. */
export interface IdentityFile {
  /** The key of the configuration that leads to it. */
  readonly path: KeyPath;
  readonly file: string;
  /**
   * A program or module runs as the user of the daemon, possibly with the PIN in its memory. An
   * argument may be a script that it runs.
   */
  readonly use: 'content' | ProgramFile['use'];
}

/** All files of an identity. A change of a `content` may change the identity. */
export function identityFiles(identity: IdentityConfig, environment: Environment): readonly IdentityFile[] {
  const { certificate, privateKey, intermediates, trustAnchorBundle, passphrase, tpm } = identity;
  const found = (use: IdentityFile['use'], key: readonly string[], file: string | undefined): IdentityFile[] =>
    file === undefined ? [] : [{ path: ['identity', ...key], file, use }];
  return [
    ...found('content', ['certificate'], filePath(certificate)),
    ...found('content', ['privateKey'], filePath(privateKey)),
    ...found('content', ['intermediates'], intermediates),
    ...found('content', ['trustAnchorBundle'], trustAnchorBundle),
    ...found('content', ['passphrase'], secretFile(passphrase, environment)),
    ...found('content', ['tpm', 'parentPassword'], secretFile(tpm?.parentPassword, environment)),
    ...found('content', ['tpm', 'ownerPassword'], secretFile(tpm?.ownerPassword, environment)),
    ...found('program', ['privateKey'], moduleOf(privateKey)),
    ...found('program', ['certificate'], moduleOf(certificate)),
    ...programFiles(commandOf(privateKey)).map(({ file, use }) => ({
      path: ['identity', 'signer', 'command'],
      file,
      use,
    })),
  ];
}

type Named = IdentityConfig['certificate'] | KeySource | undefined;

/** A module without a path is searched only where only root can write. */
function moduleOf(named: Named): string | undefined {
  const module = typeof named === 'object' && named.kind === 'pkcs11' ? named.module : '';
  return path.isAbsolute(module) ? module : undefined;
}

function commandOf(named: Named): readonly string[] {
  return typeof named === 'object' && named.kind === 'command' ? named.argv : [];
}

export interface ProgramFile {
  readonly file: string;
  readonly use: 'program' | 'argument';
}

/** A program, and the arguments that may name files. */
export function programFiles(argv: readonly string[]): readonly ProgramFile[] {
  return argv
    .filter((file, index) => index === 0 || path.isAbsolute(file))
    .map((file, index) => ({ file, use: index === 0 ? 'program' : 'argument' }));
}
