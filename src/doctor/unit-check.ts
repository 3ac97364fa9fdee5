import type { Config, IdentityConfig } from '../config/config.ts';
import { configError } from '../config/config-errors.ts';
import { atSources, type SourcedIdentity } from '../config/credential-sources.ts';
import type { ConfigFinding } from '../foundation/config-finding.ts';
import { credentialCopy, unitOfConfig } from '../foundation/credential-copy.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { type IdentityFile, identityFiles } from '../identity/identity-files.ts';
import { filePath } from '../keys/key-source.ts';
import { groupOf, groupsOf, userOf } from '../platform/accounts.ts';
import { whyUnreadable } from '../platform/file-access.ts';
import { type ServiceUnit, serviceUnit } from '../platform/service-unit.ts';
import { readFiles } from './named-files.ts';
import { type NamedUser, renewedPlaces, unwritablePlaces, writtenPlaces } from './written-places.ts';

export interface ServedConfig {
  /** The configuration file. */
  readonly file: string;
  readonly identity: IdentityConfig;
  /** Absent if it has problems. */
  readonly config: Config | undefined;
  readonly environment: Environment;
  /** Instead of the user of the systemd unit. */
  readonly user?: NamedUser | undefined;
}

export interface ServiceCheck extends SourcedIdentity {
  /** Undefined if no systemd unit reads this configuration. */
  readonly unit: ServiceUnit | undefined;
}

/**
 * Checks a configuration that a systemd unit reads: where its credentials come from, and which
 * files its user can read and write.
 */
export async function checkService(served: ServedConfig): Promise<ServiceCheck> {
  const { certificate, privateKey = certificate } = served.identity;
  const copied = [privateKey, certificate].flatMap((named) => credentialCopy(filePath(named) ?? '') ?? []);
  const name = copied[0]?.unit ?? unitOfConfig(served.file);
  // Inside the service, its copies exist.
  const isInside = served.environment['CREDENTIALS_DIRECTORY'] !== undefined;
  const unit = name === undefined || isInside ? undefined : await serviceUnit(name);
  const user = served.user ?? (unit && (await userOfService(unit)));
  const ofUser = [
    ...(user ? await unreadableFiles(served, user) : []),
    ...(await unwritableFindings(served, { user, unit })),
  ];
  if (!unit) return { unit, identity: served.identity, findings: ofUser };
  const { identity, findings } = atSources(served.identity, unit.name, unit.credentials);
  return { unit, identity, findings: [...findings, ...ofUser] };
}

async function unreadableFiles(served: ServedConfig, user: NamedUser): Promise<ConfigFinding[]> {
  const found = filesOf(served).map(async ({ path, file }): Promise<ConfigFinding[]> => {
    const why = await whyUnreadable(file, user);
    if (why === undefined) return [];
    const error = configError('SERVICE_CANNOT_READ', `${user.name} cannot read ${file}: ${why}`);
    return [{ severity: 'error', path, error }];
  });
  return (await Promise.all(found)).flat();
}

/** Without user and unit: for this user, who may not be that of the daemon. So these are warnings. */
async function unwritableFindings(
  { config, identity }: ServedConfig,
  { user, unit }: { readonly user: NamedUser | undefined; readonly unit: ServiceUnit | undefined },
): Promise<readonly ConfigFinding[]> {
  const writer = user ?? (unit ? undefined : thisUser());
  if (!writer) return [];
  const severity = user ? 'error' : 'warning';
  // For this user, check-config and doctor try the renewal.
  const written = [...(config ? writtenPlaces(config) : []), ...(user ? await renewedPlaces(identity) : [])];
  return unwritablePlaces(written, writer, { made: unit?.directories ?? [], severity });
}

function thisUser(): NamedUser | undefined {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  if (uid === undefined || gid === undefined) return undefined;
  return { name: 'this user', uid, gids: [gid, ...(process.getgroups?.() ?? [])] };
}

/** @returns undefined: there is no such user on this host. */
export async function namedUser(name: string): Promise<NamedUser | undefined> {
  const user = await userOf(name);
  if (!user) return undefined;
  return { name: `the user ${name}`, uid: user.uid, gids: [user.gid, ...(await groupsOf(name))] };
}

/**
 * Like systemd: DynamicUser= uses an existing user of that name. Undefined: the user is unknown
 * here.
 */
async function userOfService({ name, user, groups, isDynamic }: ServiceUnit): Promise<NamedUser | undefined> {
  if (user === '' && !isDynamic) return undefined;
  const existing = await userOf(user || name.replace(/(?:@.*)?\.service$/, ''));
  if (!existing && !isDynamic) return undefined;
  const further = await Promise.all(groups.map((group) => groupOf(group)));
  const gids = [
    ...further.flatMap((group) => (group ? [group.gid] : [])),
    ...(existing ? await groupsOf(existing.name) : []),
  ];
  const named = `the user of ${name}`;
  return existing
    ? { name: named, uid: existing.uid, gids: [existing.gid, ...gids] }
    : { name: named, uid: undefined, gids };
}

/** The files that the service opens itself. systemd provides its credentials. */
function filesOf({ file, identity, config }: ServedConfig): Pick<IdentityFile, 'path' | 'file'>[] {
  return [
    { path: [], file },
    ...(config ? readFiles(config, {}) : []),
    ...identityFiles(identity, {}).filter(({ use }) => use === 'content'),
  ].filter((named) => !credentialCopy(named.file));
}
