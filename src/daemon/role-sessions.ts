import { withPodTags } from '../config/account-tags.ts';
import type { RoleConfig, RolesAnywhereConfig } from '../config/config.ts';
import type { AskingPod } from '../endpoints/answer.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import { httpsExchange, type HttpsExchangeParts } from '../rolesanywhere/https-exchange.ts';
import type { RoleSession } from '../rolesanywhere/role-session.ts';
import type { KeeperParts, SessionKeeper } from '../sessions/session-keeper.ts';
import { httpsAssumeRole } from '../sts/https-assume-role.ts';
import { FirstHops } from './first-hops.ts';
import { roleExchange, type RoleExchangeParts } from './role-exchange.ts';
import { keeperFor } from './role-keeper.ts';

type Exchanges = Pick<RoleExchangeParts, 'rollover' | 'state' | 'exchanged'>;

export interface RoleSessionsParts
  extends Exchanges, HttpsExchangeParts, Pick<KeeperParts, 'clock' | 'random' | 'log' | 'identity'> {
  /** The current configuration. */
  readonly rolesAnywhere: () => RolesAnywhereConfig;
  /** Ends with the daemon. */
  readonly signal: AbortSignal;
}

export interface RoleSessions {
  /** The sessions of the first roles of chained ones. */
  readonly firstHops: FirstHops;
  /** @param configured - the current configuration of the role. */
  readonly keeperFor: (role: RoleConfig, configured: () => RoleConfig) => SessionKeeper;
  /** With the pod in the tags of its session. */
  readonly podKeeperFor: (role: RoleConfig, configured: () => RoleConfig, pod: AskingPod) => SessionKeeper;
}

/** How the roles of a daemon get their sessions, and keep them. */
export function roleSessions(parts: RoleSessionsParts): RoleSessions {
  const { rolesAnywhere, state, rollover, exchanged, identity, clock, random, log } = parts;
  const firstHops = new FirstHops(parts);
  const exchange: Omit<RoleExchangeParts, 'isKept'> = {
    // Made for each call: the configuration may have changed.
    call: () => httpsExchange(rolesAnywhere(), parts),
    assume: () => httpsAssumeRole(rolesAnywhere(), parts),
    grantees: new WeakMap<RoleSession, SigningIdentity>(),
    ...{ firstHops, rollover, state, exchanged, clock },
  };
  const started = (role: RoleConfig, configured: () => RoleConfig, pod?: AskingPod): SessionKeeper =>
    keeperFor(role, {
      // A pod comes back with its token after a restart, so its session is not stored.
      createSession: roleExchange(role, configured, { ...exchange, isKept: !pod }),
      kept: pod ? undefined : state?.session(configured()),
      ...(pod && { pod }),
      ...(role.assume && {
        hurried: () => {
          firstHops.of(configured()).renew();
        },
      }),
      ...{ identity, clock, random, log },
    });
  return {
    firstHops,
    keeperFor: (role, configured) => started(role, configured),
    podKeeperFor: (role, configured, pod) => started(withPodTags(role, pod), () => withPodTags(configured(), pod), pod),
  };
}
