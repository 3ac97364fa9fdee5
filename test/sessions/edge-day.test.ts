// A day of a hub whose line is up five minutes per hour, with sessions of half an hour. Produces
// the figures of docs/edge.md.
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { seededRandom } from '../simulation/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from './support.ts';

const UP = 5 * MINUTE;
const LIFE = 30 * MINUTE;
const LINE_UPS = 24;

/**
 * The errors of calls while the line is down, and their duration. docs/architecture.md has the
 * deadlines.
 */
const DOWN = {
  'no route: refused at once': 10,
  'packets lost: no connection in 5 s': 5 * SECOND,
  'connected, then silence: 15 s': 15 * SECOND,
};

class Hub {
  readonly clock = new VirtualClock('2026-11-22T00:00:00Z');
  readonly keeper: SessionKeeper;
  readonly stop = new AbortController();
  calls = 0;
  readonly #downMs: number;
  readonly #midnight = this.clock.now();

  constructor(downMs: number, kept?: RoleSession) {
    this.#downMs = downMs;
    const random = seededRandom(7);
    this.keeper = new SessionKeeper({
      createSession: () => this.#call(),
      identity: () => Promise.resolve(someIdentity),
      clock: this.clock,
      random,
      phase: random(),
      log: recordingLog().log,
      restored: () => Promise.resolve(kept),
    });
    void this.keeper.run(this.stop.signal);
  }

  /** Every hour, except at midnight, when the hub is switched on. */
  get isUp(): boolean {
    const sinceMidnight = this.clock.now() - this.#midnight;
    return sinceMidnight >= HOUR && sinceMidnight % HOUR < UP;
  }

  /** A call that started before the line came up fails anyway. */
  async #call(): Promise<RoleSession> {
    this.calls += 1;
    const { isUp } = this;
    await this.clock.sleep(isUp ? SECOND : this.#downMs);
    if (!isUp) throw failure('soon', 'RA_UNREACHABLE');
    return grantedSession(this.clock.now(), LIFE);
  }

  /** @returns seconds from line-up to usable credentials. */
  async secondsUntilUsable(): Promise<number> {
    for (let seconds = 0; seconds < UP / SECOND; seconds += 1) {
      if (this.keeper.current()) return seconds;
      await this.clock.advance(SECOND);
    }
    return Number.POSITIVE_INFINITY;
  }
}

interface Day {
  readonly waits: readonly number[];
  readonly calls: number;
}

async function dayOf(downMs: number): Promise<Day> {
  const hub = new Hub(downMs);
  const waits: number[] = [];
  for (let at = 1; at <= LINE_UPS; at += 1) {
    await hub.clock.advance(HOUR * at + Date.UTC(2026, 10, 22) - hub.clock.now());
    waits.push(await hub.secondsUntilUsable());
  }
  hub.stop.abort();
  return { waits: waits.toSorted((a, b) => a - b), calls: hub.calls };
}

describe.each(Object.entries(DOWN))('a line that is up five minutes per hour (%s)', (way, downMs) => {
  test('yields usable credentials within seconds of each line-up, as in docs/edge.md', async () => {
    const { waits, calls } = await dayOf(downMs);
    expect(waits).toHaveLength(LINE_UPS);
    // The current call has to fail first. The pause after it is at most 15 s.
    expect(waits.at(-1)).toBeLessThanOrEqual((downMs + 15 * SECOND + SECOND) / SECOND);
    const row = `| ${way} | ${waits[LINE_UPS / 2]} s | ${waits.at(-1)} s | ${calls} |`;
    expect(await readFile('docs/edge.md', 'utf8')).toContain(row);
  });

  test('after a reboot without the line, serves the previous session', async () => {
    const grantedAt = Date.UTC(2026, 10, 22) - 10 * MINUTE;
    const hub = new Hub(downMs, grantedSession(grantedAt, LIFE, 'ASIABEFOREREBOOT0001'));
    await hub.clock.advance(19 * MINUTE);
    expect(hub.keeper.current()?.accessKeyId).toBe('ASIABEFOREREBOOT0001');
    await hub.clock.advance(2 * MINUTE);
    expect(hub.keeper.current()).toBeUndefined();
    hub.stop.abort();
  });
});
