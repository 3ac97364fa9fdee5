import type { Clock } from '../foundation/clock.ts';
import type { IdentityChange } from '../identity/held-identity.ts';
import type { SessionKeeper } from '../sessions/session-keeper.ts';
import type { ServedRoles } from './served-roles.ts';

export interface EarlyRenewalParts {
  readonly roles: Pick<ServedRoles, 'all'>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** A CA that is replaced gives a whole fleet new certificates at once, and the service takes 10 calls a second. */
const SPREAD_MS = 60_000;

/**
 * Renews sessions soon after the identity has changed, so that a new one that the service refuses shows while the old one is still
 * good. First one role, as the trial; when that went well, those whose sessions are older than the change.
 */
export class EarlyRenewal {
  readonly #parts: EarlyRenewalParts;
  #changedAt = 0;

  constructor(parts: EarlyRenewalParts) {
    this.#parts = parts;
  }

  identityChanged(change: IdentityChange): void {
    const { roles, clock } = this.#parts;
    this.retryTroubled();
    if (change === 'candidate') this.#changedAt = clock.now();
    if (change === 'first') return;
    const calm = roles.all.filter(({ keeper }) => !keeper.state.trouble);
    for (const { keeper } of change === 'candidate' ? calm.slice(0, 1) : calm) void this.#renewOld(keeper);
  }

  /** Whatever has changed may be what they are waiting for. */
  retryTroubled(): void {
    for (const { keeper } of this.#parts.roles.all) if (keeper.state.trouble) keeper.retryNow();
  }

  async #renewOld(keeper: SessionKeeper): Promise<void> {
    const { clock, random, signal } = this.#parts;
    await clock.sleep(random() * SPREAD_MS, signal);
    const { session } = keeper.state;
    if (!signal.aborted && session && session.receivedAt < this.#changedAt) keeper.retryNow();
  }
}
