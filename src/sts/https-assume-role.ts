import type { AssumeConfig, RolesAnywhereConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { ExchangeFailure } from '../rolesanywhere/exchange-failure.ts';
import { httpsTransport, type TransportOptions } from '../rolesanywhere/https-transport.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { assumeRoleBy } from './assume-role.ts';
import { policyIn } from './session-policy.ts';

export interface HttpsAssumeRoleParts extends Pick<TransportOptions, 'environment' | 'userAgent'> {
  readonly clock: Clock;
}

export type AssumeConfiguredRole = (
  first: RoleSession,
  assume: AssumeConfig,
  signal: AbortSignal,
) => Promise<RoleSession>;

/** AssumeRole over HTTPS, as configured. Cheap to create. Rejects only with an ExchangeFailure. */
export function httpsAssumeRole(
  { caBundle }: Pick<RolesAnywhereConfig, 'caBundle'>,
  { clock, environment, userAgent }: HttpsAssumeRoleParts,
): AssumeConfiguredRole {
  const send = httpsTransport({ environment, userAgent, caBundle });
  const assumeRole = assumeRoleBy({ clock, send });
  return async (first, { policy: source, ...role }, signal) => {
    const policy = await policyIn(source).catch((error: unknown) => {
      // Looking at a file again soon is cheap.
      throw new ExchangeFailure(asCodedError(error), { retry: 'soon' });
    });
    return assumeRole(first, { ...role, ...(policy !== undefined && { policy }) }, signal);
  };
}
