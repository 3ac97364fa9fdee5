import { afterEach, describe, expect, test } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { type CreateSession, type KeeperParts, SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from './support.ts';

const running: AbortController[] = [];

afterEach(() => {
  for (const stop of running.splice(0)) stop.abort();
});

function keeper(createSession: CreateSession, parts: Partial<KeeperParts> = {}) {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const made = new SessionKeeper({
    createSession,
    identity: () => Promise.resolve(someIdentity),
    clock,
    random: () => 0.5,
    phase: 0.5,
    log,
    ...parts,
  });
  const stop = new AbortController();
  running.push(stop);
  const loop = made.run(stop.signal);
  return { keeper: made, clock, lines, stop, loop };
}

describe('a session keeper', () => {
  test('gets the first session at once and serves it until it expires', async () => {
    const clock = new VirtualClock();
    const { keeper: kept } = keeper(() => Promise.resolve(grantedSession(clock.now())), { clock });
    expect(kept.current()).toBeUndefined();
    await clock.advance(0);
    expect(kept.current()?.accessKeyId).toBe('ASIAEXAMPLE000000001');
  });

  test('never has two calls in flight, even when hurried often', async () => {
    const clock = new VirtualClock();
    let inFlight = 0;
    let most = 0;
    let calls = 0;
    const { keeper: kept } = keeper(
      async () => {
        calls += 1;
        inFlight += 1;
        most = Math.max(most, inFlight);
        await clock.sleep(2 * SECOND);
        inFlight -= 1;
        return grantedSession(clock.now());
      },
      { clock },
    );
    for (let turn = 0; turn < 20; turn += 1) {
      kept.retryNow();
      await clock.advance(SECOND);
    }
    expect(calls).toBeGreaterThan(3);
    expect(most).toBe(1);
  });

  test('makes at most one call per second if the service grants almost no lifetime', async () => {
    const clock = new VirtualClock();
    let calls = 0;
    keeper(() => ((calls += 1), Promise.resolve(grantedSession(clock.now(), 10))), { clock });
    await clock.advance(10 * SECOND);
    expect(calls).toBeGreaterThan(5);
    expect(calls).toBeLessThanOrEqual(11);
  });

  test('reports a session that expires during the call for the next one', async () => {
    const clock = new VirtualClock();
    const granted = async (): Promise<RoleSession> => {
      if (calls++ > 0) await clock.sleep(30 * SECOND);
      return grantedSession(clock.now(), 20 * SECOND);
    };
    let calls = 0;
    const { lines } = keeper(granted, { clock });
    await clock.advance(MINUTE);
    const logged = lines.map(({ level, message, fields }) => [level, fields['code'] ?? message]);
    expect(logged.slice(0, 4)).toEqual([
      ['info', 'role session granted'],
      ['warn', 'SESSION_SHORT'],
      ['error', 'SESSION_EXPIRED'],
      ['info', 'role session granted'],
    ]);
  });

  test('keeps the last good session through an outage, then has none, then recovers', async () => {
    const clock = new VirtualClock();
    let isDown = false;
    const { keeper: kept, lines } = keeper(
      () => (isDown ? Promise.reject(failure('soon')) : Promise.resolve(grantedSession(clock.now()))),
      { clock },
    );
    await clock.advance(MINUTE);
    isDown = true;
    await clock.advance(58 * MINUTE);
    expect(kept.current()).toBeDefined();
    await clock.advance(2 * MINUTE);
    expect(kept.current()).toBeUndefined();
    isDown = false;
    await clock.advance(MINUTE);
    expect(kept.current()).toBeDefined();
    const logged = lines.filter(({ level }) => level !== 'debug').map(({ level, fields }) => [level, fields['code']]);
    expect(logged).toEqual([
      ['info', undefined],
      ['warn', 'RA_UNAVAILABLE'],
      ['error', 'SESSION_EXPIRED'],
      ['info', undefined],
    ]);
    expect(lines.find(({ fields }) => fields['code'] === 'SESSION_EXPIRED')?.fields['because']).toBe('RA_UNAVAILABLE');
  });

  test('alternating causes are logged a few times per hour, and the final one is logged', async () => {
    const clock = new VirtualClock();
    let calls = 0;
    let codes = ['RA_NAME_UNRESOLVED', 'RA_CONNECT_TIMEOUT'];
    const { lines } = keeper(() => Promise.reject(failure('soon', codes[(calls += 1) % codes.length])), { clock });
    const logged = (): unknown[] => lines.filter(({ level }) => level === 'error').map(({ fields }) => fields['code']);
    await clock.advance(12 * HOUR);
    expect(calls).toBeGreaterThan(1_000);
    expect(logged().length).toBeLessThanOrEqual(13 * 2 * 3);
    expect(new Set(logged())).toEqual(new Set(codes));
    for (codes of [['RA_NAME_UNRESOLVED'], ['RA_CONNECT_TIMEOUT']]) {
      await clock.advance(2 * HOUR);
      expect(logged().at(-1)).toBe(codes[0]);
    }
  });

  test('a missing identity is a failure like any other', async () => {
    const missing = new CodedError('FILE_MISSING', 'device.pem is missing', 'put it there');
    let isThere = false;
    const clock = new VirtualClock();
    const { keeper: kept, lines } = keeper(() => Promise.resolve(grantedSession(clock.now())), {
      clock,
      identity: () => (isThere ? Promise.resolve(someIdentity) : Promise.reject(missing)),
    });
    await clock.advance(HOUR);
    expect(lines.at(0)).toMatchObject({ level: 'error', fields: { code: 'FILE_MISSING', remedy: 'put it there' } });
    isThere = true;
    await clock.advance(MINUTE);
    expect(kept.current()).toBeDefined();
  });

  test('a waiting request is released by the first session, otherwise after 250 ms', async () => {
    const clock = new VirtualClock();
    const { keeper: kept } = keeper(
      async () => {
        await clock.sleep(400);
        return grantedSession(clock.now());
      },
      { clock },
    );
    const released: string[] = [];
    void kept.waitForFirst(250).then(() => released.push('too late'));
    await clock.advance(249);
    expect(released).toEqual([]);
    await clock.advance(1);
    void kept.waitForFirst(250).then(() => released.push('in time'));
    await clock.advance(149);
    expect(released).toEqual(['too late']);
    await clock.advance(1);
    expect(released).toEqual(['too late', 'in time']);
    await kept.waitForFirst(250);
  });

  test('after a failed attempt, no request waits', async () => {
    const clock = new VirtualClock();
    const { keeper: kept } = keeper(() => Promise.reject(failure('slow')), { clock });
    await clock.advance(0);
    await kept.waitForFirst(250);
  });

  test('after a suspend, looks at the wall clock within ten seconds', async () => {
    const clock = new VirtualClock();
    let calls = 0;
    const { keeper: kept } = keeper(
      () => {
        calls += 1;
        return Promise.resolve(grantedSession(clock.now()));
      },
      { clock },
    );
    await clock.advance(MINUTE);
    clock.step(8 * HOUR);
    expect(kept.current()).toBeUndefined();
    await clock.advance(10 * SECOND);
    expect(calls).toBe(2);
    expect(kept.current()).toBeDefined();
  });

  test('stops during a call', async () => {
    const { stop, loop } = keeper(
      (_identity, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('aborted'));
          });
        }),
    );
    await Promise.resolve();
    stop.abort();
    await loop;
  });

  test('short sessions cause one warning', async () => {
    const clock = new VirtualClock();
    const { lines } = keeper(() => Promise.resolve(grantedSession(clock.now(), 15 * MINUTE)), { clock });
    await clock.advance(HOUR);
    expect(lines.filter(({ fields }) => fields['code'] === 'SESSION_SHORT')).toHaveLength(1);
  });
});

test('a day of renewals for three roles: every served session has at least half of its lifetime left', async () => {
  const clock = new VirtualClock();
  let calls = 0;
  const lives = [HOUR, HOUR, 12 * HOUR];
  const kept = lives.map((life) => {
    const createSession: CreateSession = () => {
      calls += 1;
      return Promise.resolve(grantedSession(clock.now(), life));
    };
    return { life, ...keeper(createSession, { clock, random: Math.random, phase: Math.random() }) };
  });
  let lowest = 1;
  for (let passed = 0; passed < 24 * HOUR; passed += MINUTE) {
    await clock.advance(MINUTE);
    for (const { keeper: each, life } of kept) {
      const session = each.current();
      if (!session) throw new Error('nothing to serve');
      lowest = Math.min(lowest, (session.expiration - clock.now()) / life);
    }
  }
  expect(lowest).toBeGreaterThanOrEqual(0.5);
  expect(calls).toBeGreaterThan(2 * 48);
  expect(calls).toBeLessThan(2 * 65 + 8);
});
