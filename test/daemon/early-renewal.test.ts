import { expect, onTestFinished, test } from 'vitest';
import { EarlyRenewal } from '../../src/daemon/early-renewal.ts';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, SECOND, someIdentity } from '../sessions/support.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Keepers of some roles, with their calls since the start. */
function serving(names: readonly string[], { random = 0.5, isRefused = false, canWait = false } = {}) {
  const clock = new VirtualClock();
  const stopping = new AbortController();
  onTestFinished(() => {
    stopping.abort();
  });
  const calls: string[] = [];
  const service = { isRefused };
  const all = names.map((name) => {
    const keeper = new SessionKeeper({
      createSession: () => {
        calls.push(name);
        return service.isRefused ? Promise.reject(failure('slow')) : Promise.resolve(grantedSession(clock.now(), HOUR));
      },
      identity: () => Promise.resolve(someIdentity),
      clock,
      random: () => random,
      phase: 0.9,
      log: recordingLog().log,
    });
    void keeper.run(stopping.signal);
    return keeper;
  });
  const held: { candidate?: SigningIdentity } = { candidate: someIdentity };
  const renewal = new EarlyRenewal({
    keepers: () => all,
    candidate: () => held.candidate,
    canWait: () => canWait,
    clock,
    random: () => random,
    signal: stopping.signal,
  });
  return { renewal, clock, calls, service, all, held };
}

test('a candidate is tried by one role, within a minute', async () => {
  const { renewal, clock, calls } = serving(['one', 'two', 'three']);
  await clock.advance(MINUTE);
  renewal.identityChanged('candidate');
  await clock.advance(29 * SECOND);
  expect(calls).toEqual(['one', 'two', 'three']);
  await clock.advance(2 * SECOND);
  expect(calls).toEqual(['one', 'two', 'three', 'one']);
});

test('a candidate that can wait costs no call of its own', async () => {
  const { renewal, clock, calls, all } = serving(['one', 'two'], { canWait: true });
  await clock.advance(MINUTE);
  renewal.identityChanged('candidate');
  await clock.advance(5 * MINUTE);
  expect(calls).toEqual(['one', 'two']);
  // The next exchange that is due tries it. Its grant is no reason for others.
  all[0]?.retryNow();
  await clock.advance(SECOND);
  renewal.identityChanged('adopted');
  await clock.advance(5 * MINUTE);
  expect(calls).toEqual(['one', 'two', 'one']);
});

test('a role that is removed meanwhile leaves the trial to another', async () => {
  const { renewal, clock, calls, all } = serving(['one', 'two']);
  await clock.advance(MINUTE);
  renewal.identityChanged('candidate');
  all.shift();
  await clock.advance(MINUTE);
  expect(calls).toEqual(['one', 'two', 'two']);
});

test('a session granted to the old identity does not delay the trial of the candidate', async () => {
  const { renewal, clock, calls, all } = serving(['one']);
  await clock.advance(MINUTE);
  renewal.identityChanged('candidate');
  await clock.advance(SECOND);
  all[0]?.retryNow();
  await clock.advance(MINUTE);
  expect(calls).toEqual(['one', 'one', 'one']);
});

test('a candidate that was withdrawn is not tried', async () => {
  const { renewal, clock, calls, held } = serving(['one']);
  await clock.advance(MINUTE);
  renewal.identityChanged('candidate');
  delete held.candidate;
  await clock.advance(MINUTE);
  expect(calls).toEqual(['one']);
});

test('after its adoption all roles renew except the one that tried it', async () => {
  const { renewal, clock, calls } = serving(['one', 'two', 'three']);
  await clock.advance(MINUTE);
  renewal.identityChanged('candidate');
  await clock.advance(MINUTE);
  renewal.identityChanged('adopted');
  await clock.advance(5 * MINUTE);
  expect(calls).toEqual(['one', 'two', 'three', 'one', 'two', 'three']);
});

test('the first identity causes no early renewal', async () => {
  const { renewal, clock, calls } = serving(['one']);
  await clock.advance(MINUTE);
  renewal.identityChanged('first');
  await clock.advance(5 * MINUTE);
  expect(calls).toEqual(['one']);
});

test('roles without a session call at once after any change', async () => {
  for (const change of ['first', 'candidate', 'adopted'] as const) {
    const { renewal, clock, calls, service } = serving(['one', 'two'], { isRefused: true });
    await clock.advance(SECOND);
    service.isRefused = false;
    renewal.identityChanged(change);
    await clock.advance(0);
    expect(calls).toEqual(['one', 'two', 'one', 'two']);
  }
});
