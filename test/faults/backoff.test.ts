import { afterEach, describe, expect, test } from 'vitest';
import { afterGrant } from '../../src/sessions/refresh-policy.ts';
import { type CreateSession, SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type Attempt, badDelays, mostCalls, type Trouble } from './retry-bounds.ts';

// Uses a virtual clock for realistic times: sessions of an hour and outages of a day.

const running: AbortController[] = [];

afterEach(() => {
  for (const stop of running.splice(0)) stop.abort();
});

/** A keeper whose service fails on demand, after a given time. */
class Day {
  readonly clock = new VirtualClock();
  readonly attempts: Attempt[] = [];
  readonly log = recordingLog();
  readonly keeper: SessionKeeper;
  trouble: (Trouble & { readonly code: string }) | undefined;
  callMs = 0;
  maxInFlight = 0;
  #inFlight = 0;

  /** @param draw - the random number, in [0, 1). */
  constructor(draw: number) {
    const { clock, log } = this;
    const identity = (): Promise<typeof someIdentity> => Promise.resolve(someIdentity);
    const createSession = this.#createSession;
    this.keeper = new SessionKeeper({ createSession, identity, clock, random: () => draw, phase: draw, log: log.log });
    const stop = new AbortController();
    running.push(stop);
    void this.keeper.run(stop.signal);
  }

  readonly #createSession: CreateSession = async () => {
    const begin = this.clock.now();
    this.maxInFlight = Math.max(this.maxInFlight, (this.#inFlight += 1));
    await this.clock.sleep(this.callMs);
    this.#inFlight -= 1;
    this.attempts.push({ begin, end: this.clock.now() });
    if (this.trouble) throw failure(this.trouble.retry, this.trouble.code, this.trouble.retryAfterMs);
    return grantedSession(this.clock.now(), HOUR, `ASIA${this.clock.now()}`);
  };

  /** The logged codes. */
  get said(): unknown[] {
    return this.log.lines
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map(({ fields }) => fields['code']);
  }
}

interface Outage extends Trouble {
  readonly title: string;
  readonly callMs: number;
}

const OUTAGES: readonly Outage[] = [
  { title: 'refused connections', retry: 'soon', callMs: 1 },
  { title: 'a silent endpoint, or latency of 30 s: given up after 15 s', retry: 'soon', callMs: 15 * SECOND },
  { title: 'throttling', retry: 'throttled', callMs: 1 },
  { title: 'throttling with Retry-After of two minutes', retry: 'throttled', retryAfterMs: 2 * MINUTE, callMs: 1 },
  { title: 'a refusal', retry: 'slow', callMs: 1 },
];
const DRAWS = [0.05, 0.5, 0.999];

describe.each(OUTAGES)('$title', ({ callMs, ...trouble }) => {
  test.each(DRAWS)('for half a day, with draw %d', async (draw) => {
    const day = new Day(draw);
    await day.clock.advance(SECOND);
    const first = day.keeper.current();
    if (!first) throw new Error('no first session');
    Object.assign(day, { trouble: { ...trouble, code: 'RA_TROUBLE' }, callMs });

    // While the session is valid, it is served.
    await day.clock.advance(first.expiration - day.clock.now() - 1);
    expect(day.keeper.current()).toBe(first);
    await day.clock.advance(1);
    expect(day.keeper.current()).toBeUndefined();

    await day.clock.advance(12 * HOUR);
    const failed = day.attempts.slice(1);
    const began = failed[0]?.begin ?? NaN;
    const limits = { trouble, heldUntil: first.expiration, callMs, slackMs: 1, earlyMs: 0 };
    expect(badDelays(failed, limits)).toEqual([]);
    expect(failed.length).toBeLessThanOrEqual(mostCalls(day.clock.now() - began, trouble, callMs));
    expect(day.said).toEqual(['RA_TROUBLE', 'SESSION_EXPIRED']);

    // The next good answer comes within the last drawn delay.
    Object.assign(day, { trouble: undefined, callMs: 1 });
    const { retryAt } = day.keeper.state.trouble ?? { retryAt: NaN };
    await day.clock.advance(Math.max(0, retryAt - day.clock.now()) + 20 * SECOND);
    expect(day.keeper.current()).toBeDefined();
    expect(day.maxInFlight).toBe(1);
  });
});

test('half a day of refusals is at most 53 calls', () => {
  // 15, 30, 60, 120, 240 and 480 s at least (1 + 6 calls in 945 s), then half an hour, of which half is certain: 43200 - 945 = 42255 = 46.9 * 900.
  expect(mostCalls(12 * HOUR, { retry: 'slow' }, 0)).toBe(7 + 46);
});

test('logs each of several faults once, not each attempt', async () => {
  const day = new Day(0.5);
  await day.clock.advance(SECOND);
  for (const code of ['RA_UNAVAILABLE', 'RA_CONNECTION_LOST', 'RA_UNAVAILABLE']) {
    const before = day.attempts.length;
    day.trouble = { retry: 'soon', code };
    for (let look = 0; day.attempts.length < before + 3 && look < 200; look += 1) await day.clock.advance(15 * SECOND);
    expect(day.attempts.length).toBeGreaterThanOrEqual(before + 3);
  }
  expect(day.said).toEqual(['RA_UNAVAILABLE', 'RA_CONNECTION_LOST', 'RA_UNAVAILABLE']);
});

test('logs a session that ends during a call, even if the call succeeds', async () => {
  const day = new Day(0.5);
  await day.clock.advance(SECOND);
  day.callMs = HOUR;
  await day.clock.advance(HOUR);
  expect(day.keeper.current()).toBeUndefined();
  await day.clock.advance(HOUR / 2);
  expect(day.keeper.current()).toBeDefined();
  expect(day.said).toEqual(['SESSION_EXPIRED']);
});

test('makes one call a second if the service grants almost no lifetime', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  const { renewAt } = afterGrant(grantedSession(now, 20), 0, false);
  expect(renewAt).toBe(now + SECOND);
});
