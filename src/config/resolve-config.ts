import path from 'node:path';
import { CodedError } from '../foundation/errors.ts';
import { parseArn } from '../rolesanywhere/arn.ts';
import { sessionsUrl } from '../rolesanywhere/endpoint.ts';
import { targetProblems } from '../rolesanywhere/role-target.ts';
import { arnProblems } from './arn-problems.ts';
import type { KeyPath } from '../foundation/config-finding.ts';
import type { FormProblem } from './check-form.ts';
import { configError } from './config-errors.ts';
import type { Config, ImdsEndpointConfig, RoleConfig, RolesAnywhereConfig } from './config.ts';
import { listenerProblems } from './listener-problems.ts';
import { isLoopback } from '../foundation/address.ts';
import { adminProblems, resolveAdmin } from './resolve-admin.ts';
import { identityProblems, resolveIdentity } from './resolve-identity.ts';
import { repeated } from './repeated.ts';
import { containerProblems, resolveContainer, unservedProblems } from './resolve-container.ts';
import { resolveAudit } from './resolve-audit.ts';
import { resolveSocket } from './resolve-socket.ts';
import { resolveState, stateProblems } from './resolve-state.ts';
import type { WrittenConfig, WrittenRole } from './schema.ts';

export type Resolution =
  { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly problems: readonly FormProblem[] };

/** Fills in defaults, makes paths absolute, and checks what the values mean together. */
export function resolveConfig(written: WrittenConfig, directory: string): Resolution {
  const rolesAnywhere = resolveRolesAnywhere(written, directory);
  const roles = written.roles.map((role) => resolveRole(role, written));
  const problems = [
    ...identityProblems(written.identity),
    ...arnProblems(written, roles),
    ...roles.flatMap((role, index) => imdsProblems(role, written.roles[index], index)),
    ...serviceEndpointProblems(rolesAnywhere, roles),
    ...duplicateProblems(roles),
    ...listenerProblems({
      roles,
      ...resolveContainer(written, directory),
      ...resolveAdmin(written, directory),
      ...resolveSocket(written, directory),
    }),
    ...stateProblems(written),
    ...adminProblems(written),
    ...containerProblems(written, roles),
    ...unservedProblems(written, roles),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const identity = resolveIdentity(written.identity, directory);
  const log = { level: written.log?.level ?? 'info' };
  const optional = {
    ...resolveState(written, directory),
    ...resolveAdmin(written, directory),
    ...resolveAudit(written, directory),
    ...resolveContainer(written, directory),
    ...(written.systemd && { systemd: written.systemd }),
    ...resolveSocket(written, directory),
  };
  return { ok: true, config: deepFreeze({ identity, rolesAnywhere, roles, ...optional, log }) };
}

function resolveRolesAnywhere({ rolesAnywhere: written }: WrittenConfig, directory: string): RolesAnywhereConfig {
  return {
    fips: written?.fips ?? false,
    dualStack: written?.dualStack ?? false,
    ...(written?.endpoint !== undefined && { endpoint: written.endpoint }),
    ...(written?.caBundle !== undefined && { caBundle: path.resolve(directory, written.caBundle) }),
  };
}

/** ARNs that are nowhere are left empty here and reported by {@link arnProblems}. */
function resolveRole(role: WrittenRole, { rolesAnywhere }: WrittenConfig): RoleConfig {
  return {
    name: role.name ?? role.roleArn.split('/').at(-1) ?? role.roleArn,
    roleArn: role.roleArn,
    profileArn: role.profileArn ?? rolesAnywhere?.profileArn ?? '',
    trustAnchorArn: role.trustAnchorArn ?? rolesAnywhere?.trustAnchorArn ?? '',
    sessionDuration: role.sessionDuration ?? 3_600,
    ...(role.roleSessionName !== undefined && { roleSessionName: role.roleSessionName }),
    ...(role.required !== undefined && { required: role.required }),
    ...(role.allow && { allow: role.allow }),
    ...(role.imds !== false && { imds: resolveEndpoint(role.imds) }),
  };
}

type WrittenImds = Exclude<WrittenRole['imds'], false>;

const DEFAULT_LISTEN = { host: '127.0.0.1', port: 9_911 };

function resolveEndpoint(written: WrittenImds): ImdsEndpointConfig {
  return {
    ...(written?.listen ?? DEFAULT_LISTEN),
    allowedHosts: written?.allowedHosts ?? [],
    ...(written?.hopLimit !== undefined && { hopLimit: written.hopLimit }),
    ...(written?.region !== undefined && { region: written.region }),
    ...(written?.availabilityZone !== undefined && { availabilityZone: written.availabilityZone }),
  };
}

function imdsProblems({ imds }: RoleConfig, written: WrittenRole | undefined, index: number): FormProblem[] {
  const at = (key: string): KeyPath => ['roles', index, 'imds', key];
  return endpointProblems(imds, (written?.imds || undefined)?.allowNonLoopback ?? false).map(({ key, error }) => ({
    path: at(key),
    about: [at('region'), at('allowNonLoopback')],
    error,
  }));
}

interface KeyedProblem {
  readonly key: string;
  readonly error: CodedError;
}

function endpointProblems(endpoint: ImdsEndpointConfig | undefined, allowNonLoopback: boolean): KeyedProblem[] {
  if (!endpoint) return [];
  const { host, region, availabilityZone: zone } = endpoint;
  const problems: KeyedProblem[] = [];
  if (!allowNonLoopback && !isLoopback(host))
    problems.push({
      key: 'listen',
      error: configError(
        'CONFIG_NOT_LOOPBACK',
        `${host} is not a loopback address: every host that reaches it gets credentials`,
      ),
    });
  // SDKs derive the region from the zone by dropping its last letter.
  if (zone !== undefined && zone.slice(0, -1) !== region)
    problems.push({
      key: 'availabilityZone',
      error: configError(
        'CONFIG_WRONG_VALUE',
        `availabilityZone ${zone} must be the region (${region ?? 'none is set'}) and one letter`,
      ),
    });
  return problems;
}

/** Once, though it may fit none of the roles. */
function serviceEndpointProblems(rolesAnywhere: RolesAnywhereConfig, roles: readonly RoleConfig[]): FormProblem[] {
  for (const role of roles.filter((each) => each.trustAnchorArn !== '' && targetProblems(each).length === 0)) {
    try {
      sessionsUrl(rolesAnywhere, parseArn(role.trustAnchorArn, 'trust anchor'));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return [
        { path: ['rolesAnywhere', 'endpoint'], about: [['rolesAnywhere'], ['roles', '*', 'trustAnchorArn']], error },
      ];
    }
  }
  return [];
}

function duplicateProblems(roles: readonly RoleConfig[]): FormProblem[] {
  const names = roles.map((role) => role.name);
  return [
    ...repeated(names).map((index) => ({
      path: ['roles', index, 'name'],
      about: [
        ['roles', '*', 'name'],
        ['roles', '*', 'roleArn'],
      ],
      error: configError('CONFIG_DUPLICATE_NAME', `another role has the name "${names[index] ?? ''}"`),
    })),
  ];
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
