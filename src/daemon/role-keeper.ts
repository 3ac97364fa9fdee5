import type { RoleConfig } from '../config/config.ts';
import { withFields } from '../foundation/logger.ts';
import { sealingKey } from '../keys/signer.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import { type KeeperParts, SessionKeeper } from '../sessions/session-keeper.ts';
import type { KeptSession } from '../state/kept-session.ts';
import { hostPhase } from './first-hops.ts';

export interface RoleKeeperParts extends Omit<KeeperParts, 'phase' | 'restored'> {
  /** Has the session from before a restart. Undefined: nothing is stored. */
  readonly kept: KeptSession | undefined;
}

export function keeperFor(role: RoleConfig, { kept, log, ...parts }: RoleKeeperParts): SessionKeeper {
  return new SessionKeeper({
    ...parts,
    phase: hostPhase(servedRoleArn(role)),
    log: withFields(log, { role: role.name }),
    ...(kept && { restored: (signal) => kept.restored(async () => sealingKey((await parts.identity(signal)).key)) }),
  });
}
