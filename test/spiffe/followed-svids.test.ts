import { getEventListeners } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CodedError } from '../../src/foundation/errors.ts';
import { FollowedSvids } from '../../src/identity/followed-svids.ts';
import { spiffeError } from '../../src/spiffe/spiffe-errors.ts';
import type { Workload } from '../../src/spiffe/spiffe-source.ts';
import type { Svid, Svids } from '../../src/spiffe/wire.ts';
import { codeOf } from '../identity/identity-directory.ts';
import { HOUR, MINUTE, SECOND } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function svid(id: string): Svid {
  return { id, certificates: Buffer.from(id), key: Buffer.alloc(0), bundle: Buffer.alloc(0), hint: '' };
}

/** An agent whose stream a test holds in its hand. */
function following({ random = 1, workload = (): Workload => ({ socket: '/run/agent.sock', mayBeOpen: false }) } = {}) {
  const clock = new VirtualClock();
  const stopping = new AbortController();
  const startedAt = clock.now();
  const calls: number[] = [];
  const agent: { push: (svids: Svids) => void; end: (fault: CodedError | undefined) => void } = {
    push: () => undefined,
    end: () => undefined,
  };
  let changes = 0;
  const svids = new FollowedSvids({
    workload,
    receive: (_, received) =>
      new Promise((resolve) => {
        calls.push((clock.now() - startedAt) / SECOND);
        agent.push = received;
        agent.end = resolve;
      }),
    changed: () => (changes += 1),
    clock,
    random: () => random,
  });
  const running = svids.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    agent.end(undefined);
    await running;
  };
  onTestFinished(stop);
  return { svids, clock, calls, agent, stop, changes: () => changes, stopping: stopping.signal };
}

const GONE = spiffeError('SPIFFE_AGENT_UNREACHABLE', 'no such file');
const ENDED = spiffeError('SPIFFE_AGENT_ENDED', 'it ended');
const REFUSED = spiffeError('SPIFFE_CALL_REFUSED', 'invalid argument');

describe('what a SPIFFE agent sends', () => {
  test('is awaited at the start, and only then', async () => {
    const { svids, clock, agent, changes } = following();
    await clock.advance(0);
    const first = svids.latest();
    agent.push([svid('spiffe://example.org/one')]);
    expect((await first).svids).toMatchObject([{ id: 'spiffe://example.org/one' }]);
    agent.push([svid('spiffe://example.org/two')]);
    expect((await svids.latest()).svids).toMatchObject([{ id: 'spiffe://example.org/two' }]);
    expect(changes()).toBe(2);
  });

  test('changes its digest only if an SVID has changed', async () => {
    const { svids, clock, agent } = following();
    await clock.advance(0);
    const digests: string[] = [];
    for (const ids of [['a'], ['a'], ['a', 'b'], ['b', 'a'], ['a']]) {
      agent.push(ids.map(svid));
      digests.push((await svids.latest()).digest);
    }
    const [first, second, third, fourth, last] = digests;
    expect([second, last]).toEqual([first, first]);
    expect(new Set([first, third, fourth]).size).toBe(3);
  });

  test('fails with the reason, while the agent is away', async () => {
    const { svids, clock, agent } = following();
    await clock.advance(0);
    const first = codeOf(svids.latest());
    agent.end(GONE);
    expect(await first).toBe('SPIFFE_AGENT_UNREACHABLE');
    await clock.advance(2 * SECOND);
    agent.push([svid('a')]);
    expect((await svids.latest()).svids).toHaveLength(1);
    agent.end(ENDED);
    await clock.advance(0);
    expect(await codeOf(svids.latest())).toBe('SPIFFE_AGENT_ENDED');
  });

  test.each([
    [1, [0, 2, 6, 14, 30, 60, 90]],
    [0, [0, 1, 3, 7, 15, 30, 45, 60, 75, 90]],
  ])('is asked for again after 1 to 30 seconds (random %d)', async (random, at) => {
    const { clock, calls, agent } = following({ random });
    for (let second = 0; second <= 90; second += 1) {
      await clock.advance(second === 0 ? 0 : SECOND);
      agent.end(GONE);
    }
    await clock.advance(0);
    expect(calls).toEqual(at);
  });

  test('is asked for again soon after an agent that worked', async () => {
    const { clock, calls, agent } = following();
    for (let second = 0; second <= 100; second += 1) {
      await clock.advance(second === 0 ? 0 : SECOND);
      agent.end(GONE);
    }
    await clock.advance(30 * SECOND);
    agent.push([svid('a')]);
    agent.end(ENDED);
    const before = calls.length;
    await clock.advance(2 * SECOND);
    expect(calls.length).toBe(before + 1);
  });

  test('is not asked for again after a refused call, except by hand', async () => {
    const { svids, clock, calls, agent } = following();
    await clock.advance(0);
    agent.end(REFUSED);
    await clock.advance(20 * 24 * HOUR);
    expect(calls).toEqual([0]);
    svids.retry();
    await clock.advance(0);
    expect(calls).toHaveLength(2);
    agent.push([svid('a')]);
    expect((await svids.latest()).svids).toHaveLength(1);
  });

  test('cannot be asked for without a socket, until it is asked for by hand', async () => {
    let socket = '';
    const workload = (): Workload => {
      if (socket === '') throw spiffeError('SPIFFE_SOCKET_MISSING', 'no socket');
      return { socket, mayBeOpen: false };
    };
    const { svids, clock, calls, changes } = following({ workload });
    await clock.advance(0);
    expect(await codeOf(svids.latest())).toBe('SPIFFE_SOCKET_MISSING');
    socket = '/run/agent.sock';
    await clock.advance(HOUR);
    expect([calls, changes()]).toEqual([[], 1]);
    svids.retry();
    await clock.advance(0);
    expect(calls).toEqual([HOUR / SECOND]);
  });

  test('leaves nothing behind in the signal that ends it, however often it fails', async () => {
    const { clock, calls, agent, stopping } = following();
    await clock.advance(0);
    for (let round = 0; round < 5; round += 1) {
      agent.end(GONE);
      await clock.advance(MINUTE);
      expect(getEventListeners(stopping, 'abort')).toEqual([]);
    }
    expect(calls).toHaveLength(6);
  });

  test('is asked for at once by hand', async () => {
    const { svids, clock, calls, agent } = following();
    await clock.advance(0);
    agent.end(GONE);
    await clock.advance(SECOND);
    svids.retry();
    await clock.advance(0);
    expect(calls).toEqual([0, 1]);
  });

  test('is not awaited after the end of the daemon', async () => {
    const { svids, clock, stop } = following();
    await clock.advance(0);
    const first = codeOf(svids.latest());
    await stop();
    expect(await first).toBe('SPIFFE_AGENT_ENDED');
    await clock.advance(MINUTE);
  });
});
