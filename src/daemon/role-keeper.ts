import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { RoleConfig } from '../config/config.ts';
import { withFields } from '../foundation/logger.ts';
import { sealingKey } from '../keys/signer.ts';
import { type KeeperParts, SessionKeeper } from '../sessions/session-keeper.ts';
import type { KeptSession } from '../state/kept-session.ts';

export interface RoleKeeperParts extends Omit<KeeperParts, 'phase' | 'restored'> {
  /** Has the session from before a restart. Undefined: nothing is stored. */
  readonly kept: KeptSession | undefined;
}

export function keeperFor(
  { name, roleArn }: RoleConfig,
  { createSession, identity, kept, clock, random, log }: RoleKeeperParts,
): SessionKeeper {
  return new SessionKeeper({
    createSession,
    identity,
    clock,
    random,
    phase: hostPhase(roleArn),
    log: withFields(log, { role: name }),
    ...(kept && { restored: (signal) => kept.restored(async () => sealingKey((await identity(signal)).key)) }),
  });
}

/** A number in [0, 1) that differs between hosts and is constant on each. */
function hostPhase(roleArn: string): number {
  const digest = createHash('sha256').update(`${hostname()}\0${roleArn}`).digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}
