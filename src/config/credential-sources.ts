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

/**
 * The packaged service that reads the configuration at this path: `imds-anywhere.service`, or an
 * instance of the template.
 */
export function unitOfConfig(file: string): string | undefined {
  const name = /^\/etc\/imds-anywhere\/(?<name>[\w-]+)\.yaml$/.exec(file)?.groups?.['name'];
  if (name === undefined) return undefined;
  return name === 'config' ? 'imds-anywhere.service' : `imds-anywhere@${name}.service`;
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
  const fileOf = (key: 'certificate' | 'privateKey' | 'intermediates'): string | undefined => {
    const path = filePath(identity[key]);
    const name = path === undefined ? undefined : credentialCopy(path)?.name;
    return name === undefined ? path : sourceOf(name, ['identity', key]);
  };
  const { passphrase } = identity;
  const passphrasePath =
    passphrase?.from === 'credential' ? sourceOf(passphrase.name, ['identity', 'passphrase']) : undefined;
  const [certificate, privateKey, intermediates] = [
    fileOf('certificate'),
    fileOf('privateKey'),
    fileOf('intermediates'),
  ];
  const sourced: IdentityConfig = {
    ...identity,
    ...(certificate !== undefined && { certificate }),
    ...(privateKey !== undefined && { privateKey }),
    ...(intermediates !== undefined && { intermediates }),
    ...(passphrasePath !== undefined && { passphrase: { from: 'file', path: passphrasePath } }),
  };
  return { identity: findings.length > 0 ? undefined : sourced, findings };
}
