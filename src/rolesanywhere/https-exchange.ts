import type { RolesAnywhereConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Signer } from '../keys/signer.ts';
import { type CreateRoleSession, createSessionAt } from './create-session.ts';
import { httpsTransport, type TransportOptions } from './https-transport.ts';

export interface HttpsExchangeParts extends Pick<TransportOptions, 'environment' | 'userAgent'> {
  readonly clock: Clock;
  readonly sign: Signer;
}

/** CreateSession over HTTPS, as configured. Cheap to create. */
export function httpsExchange(
  rolesAnywhere: RolesAnywhereConfig,
  { clock, sign, environment, userAgent }: HttpsExchangeParts,
): CreateRoleSession {
  const send = httpsTransport({ ...rolesAnywhere, environment, userAgent });
  return createSessionAt({ rolesAnywhere, clock, sign, send });
}
