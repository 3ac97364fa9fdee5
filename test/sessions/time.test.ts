import { afterEach, expect, test } from 'vitest';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from './support.ts';

const running: AbortController[] = [];

afterEach(() => {
  for (const stop of running.splice(0)) stop.abort();
});

/** A service with a correct clock, and a host whose clock may be wrong. */
class Host {
  readonly clock: VirtualClock;
  readonly keeper: SessionKeeper;
  readonly #trueStart: number;
  readonly #monotonicStart: number;
  isDown = false;
  calls = 0;

  constructor(startAt: string, offset = 0) {
    this.clock = new VirtualClock(Date.parse(startAt) + offset);
    this.#trueStart = Date.parse(startAt);
    this.#monotonicStart = this.clock.monotonic();
    this.keeper = new SessionKeeper({
      createSession: () => this.#answer(),
      identity: () => Promise.resolve(someIdentity),
      clock: this.clock,
      random: () => 0.5,
      phase: 0.5,
      log: recordingLog().log,
    });
    const stop = new AbortController();
    running.push(stop);
    void this.keeper.run(stop.signal);
  }

  get trueTime(): number {
    return this.#trueStart + this.clock.monotonic() - this.#monotonicStart;
  }

  /**
   * Like the service: refuses if the clock is off by more than five minutes. A granted session
   * lasts an hour of real time.
   */
  #answer(): Promise<RoleSession> {
    this.calls += 1;
    if (this.isDown) return Promise.reject(failure('soon'));
    const now = this.clock.now();
    if (Math.abs(now - this.trueTime) > 5 * MINUTE) return Promise.reject(failure('soon', 'RA_CLOCK_OFF'));
    return Promise.resolve({ ...grantedSession(now), expiration: this.trueTime + HOUR });
  }

  /** Whether the served session is valid at the service. */
  get servesWrongly(): boolean {
    const session = this.keeper.current();
    return session !== undefined && session.expiration <= this.trueTime;
  }
}

const NOON = '2026-11-22T12:00:00Z';

async function playThrough(host: Host, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5 * SECOND) {
    await host.clock.advance(5 * SECOND);
    expect(host.servesWrongly).toBe(false);
  }
}

test.each([
  { step: -HOUR, at: 10 },
  { step: -HOUR, at: 29 },
  { step: HOUR, at: 10 },
  { step: 25 * HOUR, at: 10 },
])(
  'a step of $step ms after $at minutes: never an expired session, and a new one once the clock is correct',
  async ({ step, at }) => {
    const host = new Host(NOON);
    await playThrough(host, at * MINUTE);
    host.clock.step(step);
    await playThrough(host, 2 * HOUR);
    host.clock.step(-step);
    await playThrough(host, MINUTE);
    expect(host.keeper.current()).toBeDefined();
    await playThrough(host, 2 * HOUR);
    expect(host.keeper.current()).toBeDefined();
  },
);

test('set back while the service is down: the session is not served past its real end', async () => {
  const host = new Host(NOON);
  await playThrough(host, 20 * MINUTE);
  host.isDown = true;
  host.clock.step(-10 * HOUR);
  await playThrough(host, 3 * HOUR);
  expect(host.keeper.current()).toBeUndefined();
  // Less than three hours of tries every 7.5 s, because the draw is 0.5.
  expect(host.calls).toBeLessThan(1_440);
});

test("a small step back, like NTP's, costs nothing", async () => {
  const host = new Host(NOON);
  await playThrough(host, 5 * MINUTE);
  host.clock.step(-2 * SECOND);
  await playThrough(host, 20 * MINUTE);
  expect(host.keeper.current()).toBeDefined();
  expect(host.calls).toBeLessThanOrEqual(2);
});

test('booted in 1970: works within a minute after the clock is set', async () => {
  const bootedIn = Date.parse('1970-01-01T00:00:10Z');
  const host = new Host(NOON, bootedIn - Date.parse(NOON));
  await playThrough(host, 30 * MINUTE);
  expect(host.keeper.current()).toBeUndefined();
  host.clock.step(host.trueTime - host.clock.now());
  await playThrough(host, MINUTE);
  expect(host.keeper.current()).toBeDefined();
});

test('to 2100 and back: nothing waits for 2100', async () => {
  const host = new Host(NOON);
  await playThrough(host, 5 * MINUTE);
  const leap = Date.parse('2100-01-01T00:00:00Z') - host.clock.now();
  host.clock.step(leap);
  await playThrough(host, 10 * MINUTE);
  expect(host.keeper.current()).toBeUndefined();
  host.clock.step(-leap);
  await playThrough(host, MINUTE);
  expect(host.keeper.current()).toBeDefined();
  await playThrough(host, 2 * HOUR);
  expect(host.keeper.current()).toBeDefined();
});
