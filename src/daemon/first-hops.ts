import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { RoleConfig } from '../config/config.ts';
import type { Clock } from '../foundation/clock.ts';
import { type Log, withFields } from '../foundation/logger.ts';
import { sealingKey } from '../keys/signer.ts';
import { parseArn, roleName } from '../rolesanywhere/arn.ts';
import { sessionOwner } from '../rolesanywhere/role-target.ts';
import { FirstHop } from '../sessions/first-hop.ts';
import type { KeeperState } from '../sessions/refresh-policy.ts';
import type { CurrentIdentity } from '../sessions/session-keeper.ts';
import type { State } from '../state/state.ts';

export interface FirstHopsParts {
  /** Has the sessions from before a restart. */
  readonly state: Pick<State, 'session'> | undefined;
  /** The current identity, whose key may seal them. */
  readonly identity: CurrentIdentity;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The first role of a chained one, as a role of its own. No configured role can have such a name. */
export function firstRole({ assume, imds, ...role }: RoleConfig): RoleConfig {
  return { ...role, name: `first role ${roleName(parseArn(role.roleArn, 'role'))}` };
}

/** One session of each first role, for all roles that are assumed with it. */
export class FirstHops {
  readonly #parts: FirstHopsParts;
  readonly #hops = new Map<string, FirstHop>();

  constructor(parts: FirstHopsParts) {
    this.#parts = parts;
  }

  /** Of this role, or of another one with the same first role. */
  of(role: RoleConfig): FirstHop {
    const key = keyOf(role);
    const hop = this.#hops.get(key) ?? this.#newHop(role);
    this.#hops.set(key, hop);
    return hop;
  }

  /** Undefined for a role that is not assumed with another one. */
  stateOf(role: RoleConfig): KeeperState | undefined {
    return role.assume && this.of(role).state;
  }

  /** Forgets the first roles that no other role needs. */
  keep(roles: readonly RoleConfig[]): void {
    const needed = new Set(roles.filter(({ assume }) => assume).map(keyOf));
    for (const key of this.#hops.keys()) if (!needed.has(key)) this.#hops.delete(key);
  }

  #newHop(role: RoleConfig): FirstHop {
    const { state, identity, clock, random, log, signal } = this.#parts;
    const kept = state?.session(firstRole(role));
    return new FirstHop({
      ...(kept && { restored: () => kept.restored(async () => sealingKey((await identity(signal)).key)) }),
      phase: hostPhase(role.roleArn),
      log: withFields(log, { firstRole: role.roleArn }),
      ...{ clock, random, signal },
    });
  }
}

function keyOf({ assume, ...first }: RoleConfig): string {
  const { sessionDuration, roleSessionName, endpoint, fips, dualStack } = first;
  return JSON.stringify([...sessionOwner(first), sessionDuration, roleSessionName, endpoint, fips, dualStack]);
}

/** A number in [0, 1) that differs between hosts and is constant on each. */
export function hostPhase(roleArn: string): number {
  const digest = createHash('sha256').update(`${hostname()}\0${roleArn}`).digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}
