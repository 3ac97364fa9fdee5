import type { IdentityConfig, RoleConfig, RolesAnywhereConfig } from '../config/config.ts';
import { endpointOf } from '../rolesanywhere/endpoint.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { sessionOwner } from '../rolesanywhere/role-target.ts';

/** Returns a currently valid session. Rejects with a CodedError. */
export type SessionSource = () => Promise<RoleSession>;

/** The session that a command wants. */
export interface SessionRequest {
  readonly identity: IdentityConfig;
  readonly rolesAnywhere: RolesAnywhereConfig;
  readonly role: RoleConfig;
}

/**
 * Everything that determines what the service grants and to whom, as text. Requests with the same
 * text share a session.
 */
export function requestText({ identity, rolesAnywhere, role }: SessionRequest): string {
  const { certificate, privateKey, intermediates } = identity;
  const { endpoint, fips, dualStack } = endpointOf(rolesAnywhere, role);
  return JSON.stringify([
    ...[certificate, privateKey ?? null, intermediates ?? null],
    ...[endpoint ?? null, fips, dualStack],
    ...[...sessionOwner(role), role.sessionDuration, role.roleSessionName ?? null],
    ...(role.assume ? [role.assume.sessionDuration] : []),
  ]);
}
