// What the page and the terminal read from the times of a status.

import { SLOT_MS, SLOTS } from './exchange-history.ts';
import type { CallsStatus } from './status.ts';

const DAY_SECONDS = 86_400;

const UNITS = [
  ['d', DAY_SECONDS],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** An approximate duration: `1 h 20 min`. */
export function age(from: string, to: string): string {
  let seconds = Math.max(0, secondsBetween(from, to));
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    return count > 0 ? [`${count} ${unit}`] : [];
  });
  return parts.flat().slice(0, 2).join(' ') || '0 s';
}

export function secondsBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 1_000);
}

/**
 * `warning`: a renewal is overdue (see CERTIFICATE_EXPIRES_SOON). `critical`: that is almost used up
 * too.
 */
export function validityConcern(
  { notBefore, notAfter }: { readonly notBefore: string; readonly notAfter: string },
  time: string,
): 'none' | 'warning' | 'critical' | 'expired' {
  const left = secondsBetween(time, notAfter);
  const life = secondsBetween(notBefore, notAfter);
  if (left <= 0) return 'expired';
  if (left < Math.min(life / 20, DAY_SECONDS)) return 'critical';
  return left < Math.min(life / 5, 30 * DAY_SECONDS) ? 'warning' : 'none';
}

/** The last day by half hour, the current one last. Undefined: no calls in it. */
export function lastDay(calls: readonly CallsStatus[], time: string): readonly (CallsStatus | undefined)[] {
  const slot = (moment: string): number => Math.floor(Date.parse(moment) / SLOT_MS);
  const bySlot = new Map(calls.map((each) => [slot(each.from), each]));
  return Array.from({ length: SLOTS }, (_, index) => bySlot.get(slot(time) - SLOTS + 1 + index));
}
