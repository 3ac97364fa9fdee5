import type { RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { sealingKey } from '../keys/signer.ts';
import type { CreateRoleSession } from '../rolesanywhere/create-session.ts';
import type { IdentityRollover } from '../sessions/identity-rollover.ts';
import { observedExchange } from '../sessions/observed-exchange.ts';
import type { CreateSession } from '../sessions/session-keeper.ts';
import type { State } from '../state/state.ts';
import type { Observer } from './observers.ts';

export interface RoleExchangeParts {
  /** The current call: a new configuration may have another endpoint. */
  readonly call: () => CreateRoleSession;
  readonly rollover: Pick<IdentityRollover, 'within'>;
  /** Stores sessions across restarts. */
  readonly state: State | undefined;
  readonly exchanged: Observer['exchanged'];
  readonly clock: Clock;
}

/**
 * How one role of the daemon gets its sessions: by a call that is reported to the observers, whose
 * session is stored, with the identity that the rollover chooses.
 *
 * @param configured - the current configuration of the role.
 */
export function roleExchange(
  { name }: RoleConfig,
  configured: () => RoleConfig,
  { call, rollover, state, exchanged, clock }: RoleExchangeParts,
): CreateSession {
  const exchange: CreateSession = async (signer, signal) => {
    const role = configured();
    const session = await call()(signer, role, signal);
    state?.session(role).keep(session, sealingKey(signer.key));
    return session;
  };
  const report = (event: Parameters<Observer['exchanged']>[1]): void => {
    exchanged(name, event);
  };
  return rollover.within(observedExchange(exchange, report, clock), name);
}
