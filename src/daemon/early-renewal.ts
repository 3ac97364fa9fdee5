import type { Clock } from '../foundation/clock.ts';
import type { SigningIdentity } from '../identity/signing-identity.ts';
import type { IdentityChange } from '../sessions/rollover.ts';
import type { SessionKeeper } from '../sessions/session-keeper.ts';

export interface EarlyRenewalParts {
  /** Of all sessions, those of roles before those of pods. */
  readonly keepers: () => readonly SessionKeeper[];
  /** The identity that waits for its trial. */
  readonly candidate: () => SigningIdentity | undefined;
  /** Whether it waits for the next exchange that is due: new SVIDs come twice an hour, or more often. */
  readonly canWait: () => boolean;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/**
 * Replacing a CA gives a whole fleet new certificates at once, and the service accepts 10 calls per
 * second.
 */
const SPREAD_MS = 60_000;

/**
 * Renews sessions soon after the identity has changed, so that a refusal of the new one shows while
 * the old one is still valid. One role tries it first. If that succeeds, the roles follow whose
 * sessions are older than the change.
 */
export class EarlyRenewal {
  readonly #parts: EarlyRenewalParts;
  #changedAt = 0;

  constructor(parts: EarlyRenewalParts) {
    this.#parts = parts;
  }

  identityChanged(change: IdentityChange): void {
    this.retryTroubled();
    if (change === 'candidate' && !this.#parts.canWait()) void this.#tryCandidate();
    if (change === 'adopted') for (const keeper of this.#calm) void this.#renewOld(keeper);
  }

  /** The change may be what they are waiting for. */
  retryTroubled(): void {
    for (const keeper of this.#parts.keepers()) if (keeper.state.trouble) keeper.retryNow();
  }

  get #calm(): readonly SessionKeeper[] {
    return this.#parts.keepers().filter(({ state }) => !state.trouble);
  }

  /**
   * The role for the trial is chosen when it is due, because roles come and go. Roles with failures
   * try it anyway.
   */
  async #tryCandidate(): Promise<void> {
    const { candidate, clock, random, signal } = this.#parts;
    this.#changedAt = clock.now();
    const offered = candidate();
    await clock.sleep(random() * SPREAD_MS, signal);
    if (!signal.aborted && candidate() === offered) this.#calm[0]?.retryNow();
  }

  async #renewOld(keeper: SessionKeeper): Promise<void> {
    const { clock, random, signal } = this.#parts;
    await clock.sleep(random() * SPREAD_MS, signal);
    const { session } = keeper.state;
    if (!signal.aborted && session && session.receivedAt <= this.#changedAt) keeper.retryNow();
  }
}
