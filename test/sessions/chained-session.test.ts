import { describe, expect, it, onTestFinished } from 'vitest';
import type { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import { chainedSession } from '../../src/sessions/chained-session.ts';
import { FirstHop, type FirstHopParts } from '../../src/sessions/first-hop.ts';
import { type CreateSession, SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { seededRandom } from '../simulation/seeded-random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from './support.ts';

const signal = new AbortController().signal;

/** Two scripted services: a step is a session's life, or a failure. The last step repeats. */
function chain(parts: Partial<FirstHopParts> = {}) {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const script: { first: (number | ExchangeFailure)[]; second: (number | ExchangeFailure)[] } = {
    first: [HOUR],
    second: [HOUR],
  };
  const calls = { first: 0, second: [] as string[] };
  const next = (steps: (number | ExchangeFailure)[], key: string): Promise<RoleSession> => {
    const step = (steps.length > 1 ? steps.shift() : steps[0]) ?? HOUR;
    return typeof step === 'number' ? Promise.resolve(grantedSession(clock.now(), step, key)) : Promise.reject(step);
  };
  const createSession: CreateSession = () => next(script.first, `first-${++calls.first}`);
  const firstHop = new FirstHop({ clock, random: () => 0.5, phase: 1, log, signal, ...parts });
  const exchange = chainedSession({
    firstHop,
    createSession,
    assumeRole: (first) => () => {
      calls.second.push(first.accessKeyId);
      return next(script.second, `second of ${first.accessKeyId}`);
    },
  });
  return {
    ...{ clock, firstHop, script, calls, lines },
    exchange: (until = signal) => exchange(someIdentity, until),
    code: () =>
      exchange(someIdentity, signal).then(
        () => 'granted',
        (error: unknown) => (error as ExchangeFailure).code,
      ),
  };
}

describe('the session of the first role', () => {
  it('is used until half of its life is over, and renewed only by the next call', async () => {
    const { exchange, clock, calls } = chain();
    await exchange();
    await clock.advance(20 * MINUTE);
    await exchange();
    expect(calls).toEqual({ first: 1, second: ['first-1', 'first-1'] });
    await clock.advance(30 * MINUTE);
    expect(calls.first).toBe(1);
    await exchange();
    expect(calls).toEqual({ first: 2, second: ['first-1', 'first-1', 'first-2'] });
  });

  it('costs one call for all roles that ask at the same time', async () => {
    const { exchange, calls } = chain();
    await Promise.all(Array.from({ length: 20 }, () => exchange()));
    expect([calls.first, calls.second.length]).toEqual([1, 20]);
  });

  it('is used on while it cannot be renewed, and logged once', async () => {
    const { exchange, clock, script, calls, lines } = chain();
    await exchange();
    script.first = [failure('soon')];
    await clock.advance(35 * MINUTE);
    for (let minute = 35; minute < 60; minute += 5) {
      await exchange();
      await clock.advance(5 * MINUTE);
    }
    expect(new Set(calls.second)).toEqual(new Set(['first-1']));
    expect(calls.first).toBeGreaterThan(1);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ fields: { code: 'RA_UNAVAILABLE' } }]);
    expect(lines.at(-1)).toMatchObject({ level: 'debug', fields: { code: 'RA_UNAVAILABLE' } });
  });

  it('is logged again when renewals fail after one that succeeded', async () => {
    const { exchange, clock, script, lines } = chain();
    for (const step of [HOUR, failure('soon'), HOUR, failure('soon')]) {
      script.first = [step];
      await exchange();
      await clock.advance(35 * MINUTE);
    }
    const logged = lines.map(({ level, fields }) => [level, fields['code'] ?? fields['accessKeyId']]);
    expect(logged).toEqual([
      ['info', 'first-1'],
      ['warn', 'RA_UNAVAILABLE'],
      ['info', 'first-3'],
      ['warn', 'RA_UNAVAILABLE'],
    ]);
  });

  it('that has expired is not used while it cannot be renewed', async () => {
    const { exchange, code, clock, script, calls } = chain();
    await exchange();
    script.first = [failure('soon')];
    await clock.advance(HOUR);
    expect([await code(), calls.second]).toEqual(['RA_UNAVAILABLE', ['first-1']]);
  });

  it('is logged with its times, when it is granted and when it is restored', async () => {
    const granted = chain();
    await granted.exchange();
    const { assumedRoleArn, requestId } = grantedSession(0);
    expect(granted.lines).toEqual([
      {
        level: 'info',
        message: 'session of the first role granted',
        fields: {
          accessKeyId: 'first-1',
          ...{ assumedRoleArn, requestId },
          expiration: '2026-11-22T13:00:00Z',
          renewAt: '2026-11-22T12:30:00Z',
        },
      },
    ]);
    const kept = grantedSession(new VirtualClock().now(), HOUR, 'restored');
    const restored = chain({ restored: () => Promise.resolve(kept) });
    await restored.exchange();
    expect(restored.lines).toMatchObject([{ level: 'info', fields: { accessKeyId: 'restored' } }]);
  });

  it("spreads its first renewal by this host's phase, and later ones by chance", async () => {
    // 20 to 50 % of an hour for the first, 40 to 50 % later.
    const { exchange, clock, firstHop } = chain({ phase: 0 });
    const renewedAfter = (): number => (firstHop.state.renewAt - clock.now()) / MINUTE;
    await exchange();
    expect(renewedAfter()).toBeCloseTo(12);
    await clock.advance(12 * MINUTE);
    await exchange();
    expect(renewedAfter()).toBeCloseTo(27);
  });

  it('is renewed by chance after a restored one', async () => {
    const kept = grantedSession(new VirtualClock().now(), HOUR, 'restored');
    const { exchange, clock, firstHop } = chain({ phase: 0, restored: () => Promise.resolve(kept) });
    await clock.advance(MINUTE);
    await exchange();
    expect((firstHop.state.renewAt - clock.now()) / MINUTE).toBeCloseTo(27);
  });

  it('keeps to the policy after a failure: no further call before its time', async () => {
    const { code, clock, script, calls, firstHop } = chain();
    script.first = [failure('slow', 'RA_CANNOT_ASSUME_ROLE')];
    expect(await code()).toBe('RA_CANNOT_ASSUME_ROLE');
    for (let second = 0; second < 20; second++) {
      await clock.advance(SECOND);
      expect(await code()).toBe('RA_CANNOT_ASSUME_ROLE');
    }
    expect(calls).toEqual({ first: 1, second: [] });
    await clock.advance(2 * MINUTE);
    script.first = [HOUR];
    expect([await code(), calls.first, firstHop.state.trouble]).toEqual(['granted', 2, undefined]);
  });

  it('says how long the role has to wait', async () => {
    const { exchange, clock, script } = chain();
    script.first = [failure('slow')];
    // Half of 30 s, plus half of the other half.
    await expect(exchange()).rejects.toMatchObject({ retry: 'slow', retryAfterMs: 22_500 });
    await clock.advance(20 * SECOND);
    await expect(exchange()).rejects.toMatchObject({ retry: 'slow', retryAfterMs: 2_500 });
  });

  it('is asked for again at once after a change that may help', async () => {
    const { code, script, calls, firstHop } = chain();
    script.first = [failure('slow'), HOUR];
    await code();
    firstHop.renew();
    expect([await code(), calls.first]).toEqual(['granted', 2]);
  });

  it('is renewed once for a new certificate, however many roles ask', async () => {
    const { exchange, clock, calls, firstHop } = chain();
    await exchange();
    await clock.advance(MINUTE);
    for (let role = 0; role < 3; role++) {
      firstHop.renew();
      await exchange();
      await clock.advance(20 * SECOND - 1);
    }
    expect(calls.first).toBe(2);
  });

  it('survives a restart', async () => {
    const restored = grantedSession(new VirtualClock().now(), HOUR, 'restored');
    const { exchange, calls, clock } = chain({ restored: () => Promise.resolve(restored) });
    await exchange();
    await clock.advance(2 * HOUR);
    await exchange();
    expect(calls).toEqual({ first: 1, second: ['restored', 'first-1'] });
  });

  it('does without one that has expired', async () => {
    const expired = grantedSession(new VirtualClock().now() - HOUR, HOUR, 'restored');
    const { exchange, calls, lines } = chain({ restored: () => Promise.resolve(expired) });
    await exchange();
    expect(calls).toEqual({ first: 1, second: ['first-1'] });
    expect(lines).toHaveLength(1);
  });

  it('retries soon after a fault that is none of the service', async () => {
    const hop = new FirstHop({
      ...{ clock: new VirtualClock(), random: () => 0.5, phase: 0, signal },
      log: () => undefined,
    });
    const fault = (): Promise<RoleSession> => Promise.reject(new TypeError('a fault'));
    await expect(hop.session(fault, someIdentity)).rejects.toMatchObject({ retry: 'soon', retryAfterMs: 500 });
  });

  it('does without one that cannot be opened', async () => {
    const { exchange, calls } = chain({ restored: () => Promise.reject(new Error('no key')) });
    await exchange();
    expect(calls).toEqual({ first: 1, second: ['first-1'] });
  });

  it('ends with the daemon, not with a role', async () => {
    const stopping = new AbortController();
    const hop = new FirstHop({
      clock: new VirtualClock(),
      random: Math.random,
      phase: 0,
      log: () => undefined,
      signal: stopping.signal,
    });
    const waiting = hop.session(
      (_, bounded) =>
        new Promise((_resolve, reject) => {
          const cancel = (): void => {
            reject(failure('soon', 'RA_CANCELLED'));
          };
          if (bounded.aborted) cancel();
          bounded.addEventListener('abort', cancel);
        }),
      someIdentity,
    );
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'RA_CANCELLED' });
    expect(hop.state.trouble).toBeUndefined();
  });
});

describe('a day of a chained role', () => {
  /** The keeper of the second role, and how often each service was called. */
  function day(isUp: (service: 'first' | 'second', minute: number) => boolean, firstLife = HOUR) {
    const clock = new VirtualClock();
    const begun = clock.now();
    const calls = { first: 0, second: 0 };
    const call = (service: 'first' | 'second', life: number): Promise<RoleSession> => {
      calls[service] += 1;
      return isUp(service, (clock.now() - begun) / MINUTE)
        ? Promise.resolve(grantedSession(clock.now(), life))
        : Promise.reject(failure('soon', 'RA_UNREACHABLE'));
    };
    const random = seededRandom(3);
    const log = (): void => undefined;
    const firstHop = new FirstHop({ clock, random, phase: random(), log, signal });
    const keeper = new SessionKeeper({
      createSession: chainedSession({
        firstHop,
        createSession: () => call('first', firstLife),
        assumeRole: (first) => () =>
          first.expiration > clock.now() ? call('second', HOUR) : Promise.reject(failure('soon', 'STS_TOKEN_EXPIRED')),
      }),
      identity: () => Promise.resolve(someIdentity),
      hurried: () => {
        firstHop.renew();
      },
      ...{ clock, random, phase: random(), log },
    });
    const stopping = new AbortController();
    onTestFinished(() => {
      stopping.abort();
    });
    void keeper.run(stopping.signal);
    return { keeper, clock, calls };
  }

  async function minutesWithout({ keeper, clock }: Pick<ReturnType<typeof day>, 'keeper' | 'clock'>): Promise<number> {
    let without = 0;
    await clock.advance(MINUTE);
    for (let minute = 1; minute < 24 * 60; minute += 1) {
      if (!keeper.current()) without += 1;
      await clock.advance(MINUTE);
    }
    return without;
  }

  it('has no gap, and renews each hop about every half of its life', async () => {
    const served = day(() => true);
    expect(await minutesWithout(served)).toBe(0);
    expect(served.calls.second).toBeLessThan(70);
    expect(served.calls.first).toBeLessThanOrEqual(served.calls.second);
  });

  it('has no gap while Roles Anywhere is down for less than the rest of a first session', async () => {
    const served = day((service, minute) => service === 'second' || minute < 60 || minute > 360, 12 * HOUR);
    expect(await minutesWithout(served)).toBe(0);
  });

  it('has no gap while STS is down for less than half an hour at a time', async () => {
    const served = day((service, minute) => service === 'first' || minute < 60 || minute % 60 > 28);
    expect(await minutesWithout(served)).toBe(0);
  });

  it('a change of identity renews both hops', async () => {
    const { keeper, clock, calls } = day(() => true);
    await clock.advance(2 * MINUTE);
    expect(calls).toEqual({ first: 1, second: 1 });
    keeper.retryNow();
    await clock.advance(SECOND);
    expect(calls).toEqual({ first: 2, second: 2 });
  });
});

describe('a session that STS does not accept', () => {
  it.each(['STS_TOKEN_EXPIRED', 'STS_TOKEN_REFUSED'])('is replaced at once: %s', async (code) => {
    const { exchange, clock, script, calls } = chain();
    await exchange();
    await clock.advance(5 * MINUTE);
    script.second = [failure('soon', code), HOUR];
    await exchange();
    expect(calls).toEqual({ first: 2, second: ['first-1', 'first-1', 'first-2'] });
  });

  it('is not replaced if it is new: another one would be refused too', async () => {
    const { code, script, calls } = chain();
    script.second = [failure('slow', 'STS_TOKEN_REFUSED')];
    expect(await code()).toBe('STS_TOKEN_REFUSED');
    expect(await code()).toBe('STS_TOKEN_REFUSED');
    expect(calls).toEqual({ first: 1, second: ['first-1', 'first-1'] });
  });

  it('costs two calls of AssumeRole at most', async () => {
    const { code, clock, script, calls } = chain();
    await code();
    await clock.advance(5 * MINUTE);
    script.second = [failure('soon', 'STS_TOKEN_EXPIRED')];
    expect(await code()).toBe('STS_TOKEN_EXPIRED');
    expect([calls.first, calls.second.length]).toEqual([2, 3]);
  });

  it('is replaced when it is a minute old', async () => {
    const { code, clock, script, calls } = chain();
    await code();
    script.second = [failure('slow', 'STS_TOKEN_REFUSED')];
    await clock.advance(MINUTE - 1);
    await code();
    await clock.advance(1);
    await code();
    expect(calls).toEqual({ first: 2, second: ['first-1', 'first-1', 'first-1', 'first-2'] });
  });

  it('that another refusal hits stays', async () => {
    const { code, clock, script, calls } = chain();
    await code();
    await clock.advance(5 * MINUTE);
    script.second = [failure('slow', 'STS_ASSUME_ROLE_DENIED')];
    expect(await code()).toBe('STS_ASSUME_ROLE_DENIED');
    expect(calls).toEqual({ first: 1, second: ['first-1', 'first-1'] });
  });

  it('is not replaced when the daemon ends', async () => {
    const { exchange, clock, script, calls } = chain();
    await exchange();
    await clock.advance(5 * MINUTE);
    script.second = [failure('soon', 'STS_TOKEN_EXPIRED')];
    await expect(exchange(AbortSignal.abort())).rejects.toMatchObject({ code: 'STS_TOKEN_EXPIRED' });
    expect(calls).toEqual({ first: 1, second: ['first-1', 'first-1'] });
  });

  it('that is no longer the current one replaces nothing', async () => {
    const { exchange, clock, calls, firstHop } = chain();
    await exchange();
    await clock.advance(5 * MINUTE);
    firstHop.discard(grantedSession(clock.now() - 10 * MINUTE));
    await exchange();
    expect(calls.first).toBe(1);
  });
});
