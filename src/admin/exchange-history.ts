import type { Exchange } from '../sessions/observed-exchange.ts';

/** The calls of one role in half an hour. */
export interface ExchangeSlot {
  /** When it began, in milliseconds since the epoch. */
  readonly from: number;
  readonly granted: number;
  readonly failed: number;
  /** The code of the last failure. */
  readonly code: string | undefined;
}

export const SLOT_MS = 1_800_000;
/** A day. */
export const SLOTS = 48;

/** The CreateSession calls of the last day, counted, so that no outage makes it grow. */
export class ExchangeHistory {
  /** By role, oldest first. */
  readonly #slots = new Map<string, readonly ExchangeSlot[]>();

  note(role: string, { outcome }: Pick<Exchange, 'outcome'>, now: number): void {
    const from = now - (now % SLOT_MS);
    const recent = this.of(role, now);
    const last = recent.at(-1);
    const same = last?.from === from ? last : { from, granted: 0, failed: 0, code: undefined };
    const slot = outcome.granted
      ? { ...same, granted: same.granted + 1 }
      : { ...same, failed: same.failed + 1, code: outcome.failure.code };
    this.#slots.set(role, [...(same === last ? recent.slice(0, -1) : recent), slot]);
    for (const name of this.#slots.keys()) if (this.of(name, now).length === 0) this.#slots.delete(name);
  }

  /** Without the half hours that had no call. A clock that was set back hides what is later. */
  of(role: string, now: number): readonly ExchangeSlot[] {
    return (this.#slots.get(role) ?? []).filter(({ from }) => from <= now && from > now - SLOTS * SLOT_MS);
  }
}
