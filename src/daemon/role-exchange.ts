import type { RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Log } from '../foundation/logger.ts';
import { sealingKey } from '../keys/signer.ts';
import type { CreateSession as CreateRoleSession } from '../rolesanywhere/create-session.ts';
import { keepingFormer } from '../sessions/former-identity.ts';
import type { IdentityTrial } from '../sessions/identity-trial.ts';
import { observedExchange } from '../sessions/observed-exchange.ts';
import type { CreateSession } from '../sessions/session-keeper.ts';
import type { State } from '../state/state.ts';
import type { Observer } from './observer.ts';

export interface RoleExchangeParts {
  /** The call as it is to be made at the moment: a new configuration may name another endpoint. */
  readonly call: () => CreateRoleSession;
  readonly trial: IdentityTrial;
  /** Where sessions are kept across restarts. */
  readonly state: State | undefined;
  readonly exchanged: Observer['exchanged'];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * How one role of the daemon gets its sessions: by a call that is told to those who count, whose session is kept, that is tried
 * with a new identity first, and with the former one where only this role is not granted to the new.
 *
 * @param configured - what the configuration says of the role at the moment.
 */
export function roleExchange(
  { name }: RoleConfig,
  configured: () => RoleConfig,
  { call, trial, state, exchanged, clock, log }: RoleExchangeParts,
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
  return keepingFormer(observedExchange(exchange, report, clock), (observed) => trial.within(observed, name), {
    clock,
    log,
    role: name,
  });
}
