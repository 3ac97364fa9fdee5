// The promises of docs/operations.md for fleets. Simulates ten thousand hosts for the first call of
// all of them. Elsewhere, a tenth of the hosts shares a tenth of the quota, which takes the same
// time.

import { describe, expect, test } from 'vitest';
import { type Findings, findingsOf, load } from './findings.ts';
import { type FleetSettings, playThrough } from './fleet.ts';
import { type ScenarioName, SCENARIOS } from './scenario.ts';
import type { Timeline } from './timeline.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const FLEET: FleetSettings = { hosts: 10_000, session: HOUR, quota: { perSecond: 10, burst: 10 }, seed: 1 };
const TENTH: FleetSettings = { ...FLEET, hosts: 1_000, quota: { perSecond: 1, burst: 10 } };

interface Played {
  readonly timeline: Timeline;
  readonly findings: Findings;
  readonly recoversFrom: number;
}

function played(
  name: ScenarioName,
  { settings = TENTH, outage = 20 * MINUTE, step = 20 * MINUTE, watch = HOUR }: Partial<PlayOptions> = {},
): Played {
  const scenario = SCENARIOS[name]({ outage, step });
  const timeline = playThrough(scenario, settings, scenario.recoversFrom + watch);
  const { recoversFrom } = scenario;
  return { timeline, findings: findingsOf(timeline, settings, recoversFrom), recoversFrom };
}

interface PlayOptions {
  readonly settings: FleetSettings;
  readonly outage: number;
  readonly step: number;
  readonly watch: number;
}

function throttledShare({ offered, admitted }: { readonly offered: number; readonly admitted: number }): number {
  return (offered - admitted) / offered;
}

describe('power comes back to 10 000 hosts', () => {
  const { timeline, findings } = played('power', { settings: FLEET, watch: 25 * MINUTE });

  test('all hold a session within 1.3 times the least time, and keep one', () => {
    expect(findings.floor).toBe(1000);
    expect(findings.holding.all).toBeLessThan(1.3 * findings.floor);
    expect(findings.lapses).toBe(0);
  });

  test('after the hosts have noticed each other, they offer less than twice the quota', () => {
    expect(findings.recovery.offered / findings.recovery.admitted).toBeLessThan(2);
    const minutes = Array.from({ length: 13 }, (_, index) => load(timeline, (index + 4) * 60, (index + 5) * 60));
    for (const { offered, admitted } of minutes) expect(offered / admitted).toBeLessThan(2);
  });

  test('the quota is fully used from the first to the last minute', () => {
    for (let from = 0; from < 900; from += 60) expect(load(timeline, from, from + 60).admitted).toBeGreaterThan(540);
  });

  test('noticing the others costs each host at most four calls', () => {
    expect(findings.renewed).toMatchObject({ hosts: 10_000 });
    expect(findings.renewed.calls).toBeLessThan(5);
  });
});

describe('a smaller fleet does not wait like a large one', () => {
  test.each([
    { hosts: 1, most: 1, all: 1 },
    { hosts: 30, most: 6, all: 6 },
    { hosts: 100, most: 20, all: 60 },
    { hosts: 1_000, most: 180, all: 600 },
  ])('$hosts hosts: 90 % within $most s, all within $all s', ({ hosts, most, all }) => {
    const { findings } = played('power', { settings: { ...FLEET, hosts }, watch: 20 * MINUTE });
    expect(findings.holding.most).toBeLessThanOrEqual(most);
    expect(findings.holding.all).toBeLessThanOrEqual(all);
  });
});

describe('the first renewals after a cold start', () => {
  const { timeline, findings } = played('power', { settings: TENTH, watch: 3 * HOUR });

  test('are spread: they stay below the quota, and almost none is throttled', () => {
    for (let from = 20 * 60; from < 3 * 3600; from += 600)
      expect(load(timeline, from, from + 600).offered).toBeLessThan(600);
    expect(throttledShare(findings.afterwards)).toBeLessThan(0.01);
    expect(findings.lapses).toBe(0);
  });
});

describe('an outage', () => {
  test.each([{ minutes: 5 }, { minutes: 20 }, { minutes: 28 }])(
    'of $minutes minutes, shorter than what sessions of an hour have left at renewal: none lapses',
    ({ minutes }) => {
      const { findings } = played('wan', { outage: minutes * MINUTE });
      expect(findings.lapses).toBe(0);
      expect(findings.renewed.hosts).toBe(1_000);
      expect(findings.renewed.calls).toBeLessThan(2);
    },
  );

  test('of 29 minutes, when 4 000 hosts with 4 calls a second come back one minute before the first session ends', () => {
    const settings = { ...FLEET, hosts: 4_000, quota: { perSecond: 4, burst: 10 } };
    const { findings } = played('wan', { settings, outage: 29 * MINUTE, watch: 25 * MINUTE });
    expect(findings.lapses).toBe(0);
    expect(findings.renewed.hosts).toBe(4_000);
    expect(findings.renewed.calls).toBeLessThan(2);
  });

  test('longer than that: sessions lapse, and all hosts hold one again within 1.3 times the least time', () => {
    const { findings } = played('wan', { outage: 90 * MINUTE });
    expect(findings.lapses).toBeGreaterThanOrEqual(1_000);
    expect(findings.holding.all).toBeLessThan(1.3 * findings.floor);
  });
});

describe('hosts that hold sessions and all ask at once', () => {
  test.each(['ntp', 'ca'] as const)('%s: none lapses, and those who wait do not crowd', (name) => {
    const { findings } = played(name);
    expect(findings.lapses).toBe(0);
    expect(findings.renewed.hosts).toBe(1_000);
    expect(findings.renewed.calls).toBeLessThan(4);
    expect(findings.recovery.offered).toBeLessThan(2 * findings.recovery.admitted);
  });
});

describe('all hosts start again with the sessions that they kept', () => {
  test('renewals are spread over half an hour: almost none is throttled, and no session lapses', () => {
    const { timeline, findings } = played('restart', { settings: FLEET });
    expect(findings.renewed).toMatchObject({ hosts: 10_000 });
    expect(findings.renewed.calls).toBeLessThan(1.1);
    expect(throttledShare(load(timeline, 0, 1_000))).toBeLessThan(0.05);
    expect(findings.lapses).toBe(0);
  });
});

describe('without failures', () => {
  test('a fleet that uses 60 % of its quota is almost never throttled', () => {
    const { findings } = played('peace', { settings: { ...FLEET, hosts: 5_000, session: 30 * MINUTE } });
    expect(findings.afterwards.offered).toBeGreaterThan(10_000);
    expect(throttledShare(findings.afterwards)).toBeLessThan(0.001);
  });
});

test('the same seed gives the same run, another seed another one', () => {
  const run = (seed: number): number[] => [...played('power', { settings: { ...TENTH, seed } }).timeline.offered];
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
});
