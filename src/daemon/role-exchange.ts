import type { RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { sealingKey } from '../keys/signer.ts';
import type { CreateRoleSession } from '../rolesanywhere/create-session.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import { chainedSession } from '../sessions/chained-session.ts';
import type { IdentityRollover } from '../sessions/identity-rollover.ts';
import { type Exchange, observedExchange } from '../sessions/observed-exchange.ts';
import type { CreateSession } from '../sessions/session-keeper.ts';
import type { State } from '../state/state.ts';
import type { AssumeConfiguredRole } from '../sts/https-assume-role.ts';
import { type FirstHops, firstRole } from './first-hops.ts';
import type { Observer } from './observers.ts';

export interface RoleExchangeParts {
  /** The current calls: a new configuration may have another endpoint. */
  readonly call: () => CreateRoleSession;
  readonly assume: () => AssumeConfiguredRole;
  readonly firstHops: Pick<FirstHops, 'of'>;
  readonly rollover: Pick<IdentityRollover, 'within'>;
  /** Stores sessions across restarts: those of first roles, and others if `isKept`. */
  readonly state: State | undefined;
  readonly isKept: boolean;
  /** The identity of each session that CreateSession granted. */
  readonly grantees: WeakMap<RoleSession, SigningIdentity>;
  readonly exchanged: Observer['exchanged'];
  readonly clock: Clock;
}

/**
 * How one role of the daemon gets its sessions: by calls that are reported to the observers, whose
 * sessions are stored, with the identity that the rollover chooses.
 *
 * @param configured - the current configuration of the role.
 */
export function roleExchange(role: RoleConfig, configured: () => RoleConfig, parts: RoleExchangeParts): CreateSession {
  const { rollover, clock } = parts;
  const report = (event: Exchange): void => {
    parts.exchanged(role.name, event);
  };
  const direct = observedExchange('CreateSession', createSession(configured, parts), report, clock);
  const { assume } = role;
  // Roles that share a first session share the identity that it was granted to.
  const createFirst = rollover.within(direct, assume ? firstRole(role).name : role.name);
  if (!assume) return createFirst;
  const assumeSecond = (first: RoleSession): CreateSession => {
    const second = assumeRole(first, () => ({ ...configured(), assume: configured().assume ?? assume }), parts);
    const observed = observedExchange('AssumeRole', second, report, clock);
    return (identity, signal) => observed(parts.grantees.get(first) ?? identity, signal);
  };
  return (identity, signal) => {
    const firstHop = parts.firstHops.of(configured());
    return chainedSession({ firstHop, createSession: createFirst, assumeRole: assumeSecond })(identity, signal);
  };
}

function createSession(configured: () => RoleConfig, { call, state, grantees }: RoleExchangeParts): CreateSession {
  return async (signer, signal) => {
    const role = configured();
    const session = await call()(signer, role, signal);
    grantees.set(session, signer);
    state?.session(role.assume ? firstRole(role) : role).keep(session, sealingKey(signer.key));
    return session;
  };
}

type ChainedRole = RoleConfig & Required<Pick<RoleConfig, 'assume'>>;

function assumeRole(
  first: RoleSession,
  configured: () => ChainedRole,
  { assume, state, isKept }: RoleExchangeParts,
): CreateSession {
  return async (grantee, signal) => {
    const role = configured();
    const session = await assume()(first, role.assume, signal);
    if (isKept) state?.session(role).keep(session, sealingKey(grantee.key));
    return session;
  };
}
