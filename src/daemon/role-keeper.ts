import type { RoleConfig } from '../config/config.ts';
import type { AskingPod } from '../endpoints/answer.ts';
import { withFields } from '../foundation/logger.ts';
import { sealingKey } from '../keys/signer.ts';
import { servedRoleArn } from '../rolesanywhere/role-target.ts';
import { type KeeperParts, SessionKeeper } from '../sessions/session-keeper.ts';
import type { KeptSession } from '../state/kept-session.ts';
import { hostPhase } from './first-hops.ts';

export interface RoleKeeperParts extends Omit<KeeperParts, 'phase' | 'restored'> {
  /** Has the session from before a restart. Undefined: nothing is stored. */
  readonly kept: KeptSession | undefined;
  /** The only pod that it is for. */
  readonly pod?: AskingPod;
}

export function keeperFor(role: RoleConfig, { kept, pod, log, ...parts }: RoleKeeperParts): SessionKeeper {
  return new SessionKeeper({
    ...parts,
    phase: hostPhase(`${servedRoleArn(role)}${pod?.podUid ?? ''}`),
    log: withFields(log, { role: role.name, ...pod }),
    ...(kept && { restored: (signal) => kept.restored(async () => sealingKey((await parts.identity(signal)).key)) }),
  });
}
