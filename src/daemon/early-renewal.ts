import type { Clock } from '../foundation/clock.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { IdentityChange } from '../sessions/rollover.ts';
import type { SessionKeeper } from '../sessions/session-keeper.ts';
import type { ServedRole } from './served-roles.ts';

export interface EarlyRenewalParts {
  readonly roles: () => readonly ServedRole[];
  /** The identity that waits for its trial. */
  readonly candidate: () => SigningIdentity | undefined;
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
    this.retryTroubled();
    if (change === 'candidate') void this.#tryCandidate();
    if (change === 'adopted') for (const { keeper } of this.#calm) void this.#renewOld(keeper);
  }

  /** Whatever has changed may be what they are waiting for. */
  retryTroubled(): void {
    for (const { keeper } of this.#parts.roles()) if (keeper.state.trouble) keeper.retryNow();
  }

  get #calm(): readonly ServedRole[] {
    return this.#parts.roles().filter(({ keeper }) => !keeper.state.trouble);
  }

  /** Roles come and go: who tries it is asked when it is time to. Those in trouble try it without being told. */
  async #tryCandidate(): Promise<void> {
    const { candidate, clock, random, signal } = this.#parts;
    this.#changedAt = clock.now();
    const offered = candidate();
    await clock.sleep(random() * SPREAD_MS, signal);
    if (!signal.aborted && candidate() === offered) this.#calm[0]?.keeper.retryNow();
  }

  async #renewOld(keeper: SessionKeeper): Promise<void> {
    const { clock, random, signal } = this.#parts;
    await clock.sleep(random() * SPREAD_MS, signal);
    const { session } = keeper.state;
    if (!signal.aborted && session && session.receivedAt <= this.#changedAt) keeper.retryNow();
  }
}
