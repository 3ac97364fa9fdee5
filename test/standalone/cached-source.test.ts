import { beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { cachedSource, type CacheParts, renewalOf } from '../../src/standalone/cached-source.ts';
import type { SessionSource } from '../../src/standalone/session-request.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const MINUTE = 60_000;

let clock: VirtualClock;
let calls: number;
let warnings: string[];
let kept: RoleSession | undefined;
/** Whether the lock is held or paused. */
let locked: 'free' | 'held' | 'resting';

beforeEach(() => {
  clock = new VirtualClock();
  calls = 0;
  warnings = [];
  kept = undefined;
  locked = 'free';
});

function session(lifeMs = 60 * MINUTE): RoleSession {
  calls += 1;
  return {
    accessKeyId: `ASIA${calls}`,
    secretAccessKey: new Secret('x'),
    sessionToken: new Secret('y'),
    receivedAt: clock.now(),
    expiration: clock.now() + lifeMs,
    assumedRoleArn: 'arn',
    sourceIdentity: undefined,
    subjectArn: undefined,
    requestId: undefined,
  };
}

function run(source: SessionSource, parts: Partial<CacheParts> = {}): Promise<RoleSession> {
  const setLock = (state: typeof locked) => (): Promise<void> => {
    locked = state;
    return Promise.resolve();
  };
  return cachedSource(source, {
    cache: {
      find: (now) => Promise.resolve(kept && kept.expiration > now ? kept : undefined),
      keep: (given) => {
        kept = given;
        return Promise.resolve();
      },
    },
    lock: () => {
      if (locked !== 'free') return Promise.resolve(undefined);
      locked = 'held';
      return Promise.resolve({ release: setLock('free'), rest: setLock('resting') });
    },
    clock,
    warn: ({ code }) => warnings.push(code),
    ...parts,
  })();
}

const granting: SessionSource = () => Promise.resolve(session());
const failing: SessionSource = () => {
  calls += 1;
  return Promise.reject(new Error('out of order'));
};

test('a session is kept until its renewal is due, between 40 and 50 % of its lifetime', async () => {
  const first = await run(granting);
  const fraction = (renewalOf(first) - first.receivedAt) / (60 * MINUTE);
  expect(fraction).toBeGreaterThanOrEqual(0.4);
  expect(fraction).toBeLessThan(0.5);
  await clock.advance(24 * MINUTE - 1);
  expect(await run(granting)).toBe(first);
  await clock.advance(6 * MINUTE + 1);
  expect((await run(granting)).accessKeyId).toBe('ASIA2');
  expect([calls, locked, warnings]).toEqual([2, 'free', []]);
});

describe('several at the same time', () => {
  test('one calls, the others wait for it', async () => {
    let grant: (given: RoleSession) => void = () => undefined;
    const slow: SessionSource = () => new Promise((resolve) => (grant = resolve));
    const all = Array.from({ length: 20 }, () => run(slow));
    await clock.advance(1_000);
    grant(session());
    await clock.advance(100);
    const given = await Promise.all(all);
    expect(new Set(given).size).toBe(1);
    expect(calls).toBe(1);
  });

  test('those with a good session do not wait', async () => {
    const first = await run(granting);
    await clock.advance(31 * MINUTE);
    locked = 'held';
    expect(await run(granting)).toBe(first);
  });

  test('after waiting for 20 s, a process makes its own call', async () => {
    locked = 'held';
    const given = run(granting);
    await clock.advance(19_900);
    expect(calls).toBe(0);
    await clock.advance(200);
    expect((await given).accessKeyId).toBe('ASIA1');
  });
});

describe('when the service fails', () => {
  test('the cached session is returned with a warning, and no process asks again for a while', async () => {
    const first = await run(granting);
    await clock.advance(31 * MINUTE);
    expect(await run(failing)).toBe(first);
    expect(await run(failing)).toBe(first);
    expect([calls, locked, warnings]).toEqual([2, 'resting', ['SESSION_NOT_RENEWED']]);
  });

  test('without a session, the failure is reported, and the next process may try', async () => {
    await expect(run(failing)).rejects.toThrow('out of order');
    expect(locked).toBe('free');
  });

  test('with little time left, the next process may try', async () => {
    await run(granting);
    await clock.advance(59.5 * MINUTE);
    await run(failing);
    expect(locked).toBe('free');
  });

  test('an expired session is never returned', async () => {
    await run(granting);
    await clock.advance(60 * MINUTE);
    await expect(run(failing)).rejects.toThrow('out of order');
  });
});

test('a cache that cannot be read or written costs a call and a warning each', async () => {
  const broken = (): Promise<never> => Promise.reject(new Error('disk'));
  expect((await run(granting, { cache: { find: broken, keep: broken } })).accessKeyId).toBe('ASIA1');
  expect(warnings).toEqual(['CACHE_NOT_USED', 'CACHE_NOT_WRITTEN']);
});
