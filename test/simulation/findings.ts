import type { FleetSettings } from './fleet.ts';
import { type Timeline, total } from './timeline.ts';

/** The results of a run. Times are seconds after recovery began. */
export interface Findings {
  /** The theoretical minimum: one call for each host at the full quota. */
  readonly floor: number;
  /** When this many hosts had a session; undefined if never. */
  readonly holding: {
    readonly half: number | undefined;
    readonly most: number | undefined;
    readonly all: number | undefined;
  };
  /** How many hosts got a session, and the mean number of calls until the first one. */
  readonly renewed: { readonly hosts: number; readonly calls: number; readonly last: number };
  /** From the third minute, when hosts have adapted to each other, until the minimum. */
  readonly recovery: Load;
  /** In the last half of the run. */
  readonly afterwards: Load;
  /** Calls in the busiest second. */
  readonly peak: number;
  /** Sessions that expired before the next one came. */
  readonly lapses: number;
  /** The longest time without a session of a host that had one. */
  readonly longestGap: number;
}

export interface Load {
  readonly offered: number;
  readonly admitted: number;
}

const FINDING_OUT = 120;

export function findingsOf(timeline: Timeline, { hosts, quota }: FleetSettings, recoversFrom: number): Findings {
  const begin = recoversFrom / 1000;
  const floor = hosts / quota.perSecond;
  const held = timeline.holding();
  const until = (share: number): number | undefined => {
    const second = held.findIndex((count, index) => index >= begin && count >= share * hosts);
    return second < 0 ? undefined : second - begin;
  };
  return {
    floor,
    holding: { half: until(0.5), most: until(0.9), all: until(1) },
    renewed: renewals(timeline, recoversFrom),
    recovery: load(timeline, begin + FINDING_OUT, begin + Math.ceil(Math.max(floor, 2 * FINDING_OUT))),
    afterwards: load(timeline, Math.floor(timeline.seconds / 2), timeline.seconds),
    peak: timeline.offered.subarray(begin).reduce(larger, 0),
    lapses: timeline.gaps.length,
    longestGap: timeline.gaps.reduce(larger, 0) / 1000,
  };
}

export function load(timeline: Timeline, from: number, to: number): Load {
  return { offered: total(timeline.offered, from, to), admitted: total(timeline.admitted, from, to) };
}

function renewals({ renewals }: Timeline, recoversFrom: number): Findings['renewed'] {
  const calls = renewals.reduce((sum, renewal) => sum + renewal.calls, 0) / renewals.length;
  const last = renewals.reduce((latest, { at }) => Math.max(latest, at), recoversFrom);
  return { hosts: renewals.length, calls, last: (last - recoversFrom) / 1000 };
}

function larger(one: number, other: number): number {
  return Math.max(one, other);
}
