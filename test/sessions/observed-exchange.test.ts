import { describe, expect, test } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { type Exchange, observedExchange } from '../../src/sessions/observed-exchange.ts';
import type { CreateSession } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, someIdentity } from './support.ts';

/** A call that takes 250 ms. The wall clock is set back meanwhile. */
function observed(end: CreateSession) {
  const clock = new VirtualClock();
  const reports: Exchange[] = [];
  const call: CreateSession = async (identity, signal) => {
    await clock.advance(250);
    clock.step(-60_000);
    return end(identity, signal);
  };
  const exchange = observedExchange('AssumeRole', call, (report) => reports.push(report), clock);
  return { exchange, reports };
}

const COMMON = { operation: 'AssumeRole', identity: someIdentity, durationMs: 250 };
const ongoing = (): AbortSignal => new AbortController().signal;

describe('a call', () => {
  test('that grants a session is reported with it and its duration', async () => {
    const session = grantedSession(0);
    const { exchange, reports } = observed(() => Promise.resolve(session));
    expect(await exchange(someIdentity, ongoing())).toBe(session);
    expect(reports).toEqual([{ ...COMMON, outcome: { granted: true, session } }]);
  });

  test('that fails is reported, and its failure says which call it was', async () => {
    const failed = failure('throttled', 'RA_THROTTLED', 5_000);
    const { exchange, reports } = observed(() => Promise.reject(failed));
    await expect(exchange(someIdentity, ongoing())).rejects.toMatchObject({
      ...{ code: 'RA_THROTTLED', retry: 'throttled', retryAfterMs: 5_000, operation: 'AssumeRole' },
    });
    expect(reports).toEqual([{ ...COMMON, outcome: { granted: false, failure: failed } }]);
  });

  test('that fails before it is made keeps its error', async () => {
    const unread = new CodedError('CERTIFICATE_UNREADABLE', 'it cannot be read', 'fix it');
    const { exchange, reports } = observed(() => Promise.reject(unread));
    await expect(exchange(someIdentity, ongoing())).rejects.toBe(unread);
    expect(reports).toEqual([{ ...COMMON, outcome: { granted: false, failure: unread } }]);
  });

  test('that the stop of the daemon interrupts is not reported', async () => {
    const stop = new AbortController();
    const { exchange, reports } = observed(() => {
      stop.abort();
      return Promise.reject(failure('soon', 'RA_CANCELLED'));
    });
    await expect(exchange(someIdentity, stop.signal)).rejects.toMatchObject({ code: 'RA_CANCELLED' });
    expect(reports).toEqual([]);
  });
});
