import { CodedError } from '../foundation/errors.ts';
import { parseArn } from '../rolesanywhere/arn.ts';
import { endpointOf, sessionsUrl } from '../rolesanywhere/endpoint.ts';
import { targetProblems } from '../rolesanywhere/role-target.ts';
import { rolesAnywhereError } from '../rolesanywhere/rolesanywhere-errors.ts';
import { accountTagProblems, withAccountTags } from './account-tags.ts';
import { arnProblems } from './arn-problems.ts';
import type { FormProblem } from './check-form.ts';
import type { Config, RoleConfig, RolesAnywhereConfig } from './config.ts';
import { configError } from './config-errors.ts';
import { listenerProblems } from './listener-problems.ts';
import { nameProblems } from './name-problems.ts';
import { assumeProblems, resolveAssume } from './resolve-assume.ts';
import { identityProblems, resolveIdentity } from './resolve-identity.ts';
import type { WrittenConfig, WrittenRole } from './schema.ts';

export type Resolution =
  { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly problems: readonly FormProblem[] };

/** Checks combinations of values, and returns the configuration or all problems. */
export function resolveConfig(written: WrittenConfig): Resolution {
  const {
    identity,
    rolesAnywhere: shared,
    roles: writtenRoles,
    stateDirectory,
    stateKey,
    container,
    admin,
    ...same
  } = written;
  const { trustAnchorArn = '', profileArn = '', ...rolesAnywhere } = shared;
  const roles = writtenRoles.map((role) => resolveRole(role, { trustAnchorArn, profileArn, ...rolesAnywhere }));
  const problems = [
    ...identityProblems(identity),
    ...arnProblems(written, roles),
    ...assumeProblems(roles),
    ...accountTagProblems(roles, container?.kubernetes),
    ...zoneProblems(roles),
    ...serviceEndpointProblems(rolesAnywhere, roles),
    ...listenerProblems(written),
    ...dependentProblems(written),
    ...nameProblems(written, roles),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const config: Config = {
    ...same,
    identity: resolveIdentity(identity),
    rolesAnywhere,
    roles: withAccountTags(roles, container?.kubernetes),
    ...(container && { container: atAddress(container) }),
    ...(admin && { admin: withoutPermission(admin) }),
    ...(stateDirectory !== undefined && { state: { directory: stateDirectory, ...(stateKey && { key: stateKey }) } }),
  };
  return { ok: true, config: deepFreeze(config) };
}

type Shared = Pick<RoleConfig, 'trustAnchorArn' | 'profileArn'> & RolesAnywhereConfig;

/** Missing ARNs are left empty here, and {@link arnProblems} reports them. */
function resolveRole({ imds, assume, ...role }: WrittenRole, shared: Shared): RoleConfig {
  const { trustAnchorArn = shared.trustAnchorArn, profileArn = shared.profileArn } = role;
  const first = { ...role, trustAnchorArn, profileArn };
  const { fips, dualStack } = endpointOf(shared, role);
  const second = assume && resolveAssume(assume, { ...first, fips, dualStack });
  const served = second?.roleArn ?? role.roleArn;
  return {
    name: served.split('/').at(-1) ?? served,
    ...first,
    ...(second && { assume: second }),
    ...(imds !== false && { imds: atAddress(imds) }),
  };
}

function atAddress<T extends { readonly listen: Address; readonly allowNonLoopback: boolean }>({ listen, ...rest }: T) {
  return { ...listen, ...withoutPermission(rest) };
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** The permission only decides whether a configuration is accepted. */
function withoutPermission<T extends { readonly allowNonLoopback: boolean }>({ allowNonLoopback, ...rest }: T) {
  return rest;
}

/** SDKs derive the region from the zone by dropping its last letter. */
function zoneProblems(roles: readonly RoleConfig[]): FormProblem[] {
  return roles.flatMap(({ imds }, index) => {
    const zone = imds?.availabilityZone;
    if (zone === undefined || zone.slice(0, -1) === imds?.region) return [];
    const what = `availabilityZone ${zone} must be the region (${imds?.region ?? 'none is set'}) and one letter`;
    return {
      path: ['roles', index, 'imds', 'availabilityZone'],
      about: [['roles', index, 'imds', 'region']],
      error: configError('CONFIG_WRONG_VALUE', what),
    };
  });
}

/** A problem of the shared endpoint is reported once, even if no role matches. */
function serviceEndpointProblems(shared: RolesAnywhereConfig, roles: readonly RoleConfig[]): FormProblem[] {
  const sound = roles.flatMap((role, index) =>
    role.trustAnchorArn !== '' && targetProblems(role).length === 0 ? [{ role, index }] : [],
  );
  const found = sound.flatMap(({ role, index }): FormProblem[] => {
    const hasOwn = [role.endpoint, role.fips, role.dualStack].some((setting) => setting !== undefined);
    try {
      sessionsUrl(endpointOf(shared, role), parseArn(role.trustAnchorArn, 'trust anchor'));
      return [];
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const path = hasOwn ? ['roles', index, 'endpoint'] : ['rolesAnywhere', 'endpoint'];
      return [{ path, about: [['rolesAnywhere'], ['roles', '*', 'trustAnchorArn']], error }];
    }
  });
  const ofShared = found.filter(({ path }) => path[0] === 'rolesAnywhere');
  const ofRoles = found.filter(({ path }) => path[0] === 'roles');
  return [...ofRoles, ...ofShared.slice(0, 1), ...(found.length === 0 ? regionProblems(shared, roles) : [])];
}

/** An endpoint is in one region, also if its name does not tell which. */
function regionProblems({ endpoint }: RolesAnywhereConfig, roles: readonly RoleConfig[]): FormProblem[] {
  const using = roles.filter((role) => role.endpoint === undefined && role.trustAnchorArn !== '');
  const regions = [...new Set(using.map(({ trustAnchorArn }) => trustAnchorArn.split(':')[3]))];
  if (endpoint === undefined || regions.length < 2) return [];
  const what = `the endpoint ${endpoint} is shared by roles whose trust anchors are in ${regions.join(' and ')}`;
  const error = rolesAnywhereError('ENDPOINT_REGION_DIFFERS', what);
  return [{ path: ['rolesAnywhere', 'endpoint'], about: [['roles', '*', 'trustAnchorArn']], error }];
}

/** Keys that need another one. */
function dependentProblems({ stateDirectory, stateKey, admin, container }: WrittenConfig): FormProblem[] {
  const keyAlone = '"stateKey" needs "stateDirectory", which is not set';
  const adminAlone = '"admin" needs "listen", "socket" or both';
  return [
    ...(stateKey && stateDirectory === undefined
      ? [{ path: ['stateKey'], about: [['stateDirectory']], error: configError('CONFIG_WRONG_VALUE', keyAlone) }]
      : []),
    ...(admin && !admin.listen && admin.socket === undefined
      ? [{ path: ['admin'], error: configError('CONFIG_MISSING_KEY', adminAlone) }]
      : []),
    ...(container && !container.kubernetes && container.tokens.length === 0
      ? [
          {
            path: ['container', 'tokens'],
            about: [['container', 'kubernetes']],
            error: configError('CONFIG_MISSING_KEY', NO_CLIENTS),
          },
        ]
      : []),
    ...audienceProblems(container?.kubernetes),
  ];
}

const NO_CLIENTS = '"container" needs "tokens" with at least one client, or "kubernetes"';

/**
 * Every pod mounts a token for the API server, which is good for a year. It would be enough for a
 * role, and the token of a role would be good for the API server.
 */
function audienceProblems(kubernetes: NonNullable<WrittenConfig['container']>['kubernetes']): FormProblem[] {
  if (!kubernetes) return [];
  const { audience, issuer } = kubernetes;
  const isServer = issuer.includes(audience) || /^(?:https:\/\/)?kubernetes\.default(?:\.svc|$)/.test(audience);
  if (!isServer) return [];
  const what = `audience ${audience} is the API server's: choose one of your own, such as imds-anywhere`;
  return [{ path: ['container', 'kubernetes', 'audience'], error: configError('CONFIG_WRONG_VALUE', what) }];
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
