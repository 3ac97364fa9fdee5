import { afterEach, expect, test } from 'vitest';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { afterRestart } from '../../src/sessions/refresh-policy.ts';
import { type KeeperParts, SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from './support.ts';

const running: AbortController[] = [];

afterEach(() => {
  for (const stop of running.splice(0)) stop.abort();
});

const RESTORED = 'ASIARESTORED00000001';
const GRANTED = 'ASIAGRANTED000000001';

class Restart {
  readonly clock = new VirtualClock();
  readonly lines;
  readonly keeper;
  calls = 0;
  asked = 0;
  isDown = false;

  constructor(restored: (clock: VirtualClock) => Promise<RoleSession | undefined>, parts: Partial<KeeperParts> = {}) {
    const { log, lines } = recordingLog();
    this.lines = lines;
    this.keeper = new SessionKeeper({
      createSession: () => {
        this.calls += 1;
        const session = grantedSession(this.clock.now(), HOUR, GRANTED);
        return this.isDown ? Promise.reject(failure('soon')) : Promise.resolve(session);
      },
      identity: () => Promise.resolve(someIdentity),
      clock: this.clock,
      random: () => 0.5,
      phase: 0.5,
      log,
      restored: () => {
        this.asked += 1;
        return restored(this.clock);
      },
      ...parts,
    });
    const stop = new AbortController();
    running.push(stop);
    void this.keeper.run(stop.signal);
  }

  get serves(): string | undefined {
    return this.keeper.current()?.accessKeyId;
  }
}

/** Granted 20 minutes ago for an hour, so 40 are left. */
const kept = (clock: VirtualClock): RoleSession => grantedSession(clock.now() - 20 * MINUTE, HOUR, RESTORED);

test('a stored session is served without a call, and renewed while 25 minutes are left', async () => {
  const host = new Restart((clock) => Promise.resolve(kept(clock)));
  await host.clock.advance(0);
  expect(host.serves).toBe(RESTORED);
  await host.clock.advance(7.5 * MINUTE - SECOND);
  expect([host.serves, host.calls]).toEqual([RESTORED, 0]);
  await host.clock.advance(SECOND);
  expect([host.serves, host.calls, host.asked]).toEqual([GRANTED, 1, 1]);
  expect(host.lines.map(({ message }) => message)).toEqual(['role session restored', 'role session granted']);
});

test('is served until it expires while the service is down, and never after', async () => {
  const host = new Restart((clock) => Promise.resolve(kept(clock)));
  host.isDown = true;
  await host.clock.advance(40 * MINUTE - SECOND);
  expect(host.serves).toBe(RESTORED);
  await host.clock.advance(SECOND);
  expect(host.serves).toBeUndefined();
  host.isDown = false;
  await host.clock.advance(MINUTE);
  expect([host.serves, host.asked]).toEqual([GRANTED, 1]);
});

test('an expired session is not served', async () => {
  const host = new Restart((clock) => Promise.resolve(grantedSession(clock.now() - HOUR, HOUR, RESTORED)));
  await host.clock.advance(0);
  expect(host.serves).toBe(GRANTED);
  expect(host.lines.map(({ message }) => message)).toEqual(['role session granted']);
});

test('a session that cannot be opened yet is tried before each exchange, until there is one', async () => {
  let isThere = false;
  const host = new Restart((clock) => Promise.resolve(isThere ? kept(clock) : undefined));
  host.isDown = true;
  await host.clock.advance(0);
  expect([host.serves, host.asked]).toEqual([undefined, 1]);
  isThere = true;
  await host.clock.advance(MINUTE);
  expect([host.serves, host.asked]).toEqual([RESTORED, 2]);
});

test('a failure to open it is retried like any other', async () => {
  let isThere = false;
  const host = new Restart((clock) =>
    isThere ? Promise.resolve(kept(clock)) : Promise.reject(new Error('no identity')),
  );
  await host.clock.advance(0);
  expect([host.serves, host.calls]).toEqual([undefined, 0]);
  isThere = true;
  await host.clock.advance(MINUTE);
  expect([host.serves, host.calls]).toEqual([RESTORED, 0]);
});

test('setting the clock back after a restart does not extend it', async () => {
  const host = new Restart((clock) => Promise.resolve(kept(clock)));
  host.isDown = true;
  await host.clock.advance(MINUTE);
  host.clock.step(-HOUR);
  await host.clock.advance(39 * MINUTE);
  expect(host.serves).toBeUndefined();
});

test.each([
  { left: 60 * MINUTE, latest: 30 * MINUTE },
  { left: 40 * MINUTE, latest: 15 * MINUTE },
  { left: 20 * MINUTE, latest: 5 * MINUTE },
  { left: 12 * HOUR, latest: 30 * MINUTE },
  { left: 4 * SECOND, latest: SECOND },
])('with $left ms left renewal is spread over $latest ms', ({ left, latest }) => {
  const session = grantedSession(0, left);
  expect(afterRestart(session, 0, 0).renewAt).toBe(0);
  expect(afterRestart(session, 0.999_999_999, 0).renewAt).toBeCloseTo(latest, -1);
});

test('a daemon that restarts every ten seconds for an hour makes hardly any calls', async () => {
  const clock = new VirtualClock();
  let held = kept(clock);
  let calls = 0;
  for (let start = 0; start < 360; start += 1) {
    const stop = new AbortController();
    const keeper = new SessionKeeper({
      createSession: () => {
        calls += 1;
        held = grantedSession(clock.now());
        return Promise.resolve(held);
      },
      identity: () => Promise.resolve(someIdentity),
      clock,
      random: () => 0.5,
      phase: 0.5,
      log: recordingLog().log,
      restored: () => Promise.resolve(held),
    });
    const loop = keeper.run(stop.signal);
    await clock.advance(10 * SECOND);
    expect(keeper.current()).toBeDefined();
    stop.abort();
    await loop;
  }
  expect(calls).toBeGreaterThan(0);
  expect(calls).toBeLessThan(10);
});
