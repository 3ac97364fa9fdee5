import type { ConfigFinding, KeyPath } from '../foundation/config-finding.ts';
import { credentialCopy } from '../foundation/credential-copy.ts';
import { filePath } from '../keys/key-source.ts';
import type { IdentityConfig } from './config.ts';
import { configError } from './config-errors.ts';

/** The sources of a service's systemd credentials, by name. */
export type CredentialSources = ReadonlyMap<string, { readonly path: string; readonly isEncrypted: boolean }>;

export interface SourcedIdentity {
  /**
   * Replaces the copies of systemd, which exist only while the service runs, with their sources.
   * Undefined: they cannot be read here.
   */
  readonly identity: IdentityConfig | undefined;
  readonly findings: readonly ConfigFinding[];
}

export function atSources(identity: IdentityConfig, unit: string, sources: CredentialSources): SourcedIdentity {
  const findings: ConfigFinding[] = [];
  const sourceOf = (name: string, path: KeyPath): string | undefined => {
    const source = sources.get(name);
    if (!source) {
      const what = `${unit} has no credential "${name}"`;
      findings.push({ severity: 'error', path, error: configError('CREDENTIAL_NOT_IN_UNIT', what) });
    } else if (source.isEncrypted) {
      const what = `${unit} takes the credential "${name}" from ${source.path}, which is encrypted`;
      findings.push({ severity: 'warning', path, error: configError('CREDENTIAL_ENCRYPTED', what) });
    } else return source.path;
    return undefined;
  };
  const { passphrase } = identity;
  const passphrasePath =
    passphrase?.from === 'credential' ? sourceOf(passphrase.name, ['identity', 'passphrase']) : undefined;
  const files = (['certificate', 'privateKey', 'intermediates', 'trustAnchorBundle'] as const).flatMap((key) => {
    const copy = credentialCopy(filePath(identity[key]) ?? '');
    const source = copy && sourceOf(copy.name, ['identity', key]);
    return source === undefined ? [] : [[key, source] as const];
  });
  const sourced: IdentityConfig = {
    ...identity,
    ...Object.fromEntries(files),
    ...(passphrasePath !== undefined && { passphrase: { from: 'file', path: passphrasePath } }),
  };
  return { identity: findings.length > 0 ? undefined : sourced, findings };
}
