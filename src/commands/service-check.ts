import type { Config, IdentityConfig } from '../config/config.ts';
import { configError } from '../config/config-errors.ts';
import { atSources, type SourcedIdentity, unitOfConfig } from '../config/credential-sources.ts';
import type { ConfigFinding, KeyPath } from '../foundation/config-finding.ts';
import { credentialCopy } from '../foundation/credential-copy.ts';
import { type IdentityFile, identityFiles } from '../identity/identity-files.ts';
import { secretFile } from '../identity/passphrase.ts';
import { filePath } from '../keys/key-source.ts';
import { groupOf, userOf } from '../platform/accounts.ts';
import { type FileUser, whyUnreadable } from '../platform/file-access.ts';
import { type ServiceUnit, serviceUnit } from '../platform/service-unit.ts';

export interface ServedConfig {
  /** The configuration file. */
  readonly file: string;
  readonly identity: IdentityConfig;
  /** Absent if it has problems. */
  readonly config: Config | undefined;
}

export interface ServiceCheck extends SourcedIdentity {
  /** Undefined if no systemd unit reads this configuration. */
  readonly unit: ServiceUnit | undefined;
}

/**
 * Checks a configuration that a systemd unit reads: where its credentials come from, and which
 * files its user can read.
 */
export async function checkService(served: ServedConfig): Promise<ServiceCheck> {
  const { certificate, privateKey = certificate } = served.identity;
  const copied = [privateKey, certificate].flatMap((named) => credentialCopy(filePath(named) ?? '') ?? []);
  const name = copied[0]?.unit ?? unitOfConfig(served.file);
  // Inside the service, its copies exist.
  const unit = name === undefined || process.env['CREDENTIALS_DIRECTORY'] ? undefined : await serviceUnit(name);
  if (!unit) return { unit, identity: served.identity, findings: [] };
  const { identity, findings } = atSources(served.identity, unit.name, unit.credentials);
  return { unit, identity, findings: [...findings, ...(await unreadableFiles(served, unit))] };
}

async function unreadableFiles(served: ServedConfig, unit: ServiceUnit): Promise<ConfigFinding[]> {
  const user = await userOfService(unit);
  if (!user) return [];
  const found = filesOf(served).map(async ({ path, file }): Promise<ConfigFinding[]> => {
    const why = await whyUnreadable(file, user);
    if (why === undefined) return [];
    const error = configError('SERVICE_CANNOT_READ', `the user of ${unit.name} cannot read ${file}: ${why}`);
    return [{ severity: 'error', path, error }];
  });
  return (await Promise.all(found)).flat();
}

/**
 * Like systemd: DynamicUser= uses an existing user of that name. Undefined: the user is unknown
 * here.
 */
async function userOfService({ name, user, groups, isDynamic }: ServiceUnit): Promise<FileUser | undefined> {
  if (user === '' && !isDynamic) return undefined;
  const existing = await userOf(user || name.replace(/(?:@.*)?\.service$/, ''));
  if (!existing && !isDynamic) return undefined;
  const further = await Promise.all(groups.map((group) => groupOf(group)));
  const gids = further.flatMap((group) => (group ? [group.gid] : []));
  return existing ? { uid: existing.uid, gids: [existing.gid, ...gids] } : { uid: undefined, gids };
}

/** The files that the service opens itself. systemd provides its credentials. */
function filesOf({ file, identity, config }: ServedConfig): Pick<IdentityFile, 'path' | 'file'>[] {
  const other: readonly (readonly [KeyPath, string | undefined])[] = [
    [[], file],
    [['rolesAnywhere', 'caBundle'], config?.rolesAnywhere.caBundle],
    [['stateKey'], secretFile(config?.state?.key, {})],
  ];
  return [
    ...other.flatMap(([path, each]) => (each === undefined ? [] : { path, file: each })),
    ...identityFiles(identity, {}).filter(({ use }) => use === 'content'),
  ].filter((named) => !credentialCopy(named.file));
}
