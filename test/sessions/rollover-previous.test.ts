import { expect, test } from 'vitest';
import type { SigningIdentity } from '../../src/identity/signing-identity.ts';
import { ExchangeFailure } from '../../src/rolesanywhere/exchange-failure.ts';
import { IdentityRollover } from '../../src/sessions/identity-rollover.ts';
import type { CreateSession } from '../../src/sessions/session-keeper.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { failure, grantedSession, HOUR, recordingLog, someIdentity } from './support.ts';

const { signal } = new AbortController();
const REFUSED = failure('slow', 'RA_CANNOT_ASSUME_ROLE');

/** One role, a service that grants or refuses each identity, and the calls it received. */
function role() {
  const clock = new VirtualClock();
  const { log, lines } = recordingLog();
  const calls: string[] = [];
  const refuses: Record<string, ExchangeFailure | undefined> = {};
  const held = new IdentityRollover({ clock, log });
  const service: CreateSession = ({ fingerprint }) => {
    calls.push(fingerprint);
    const refusal = refuses[fingerprint];
    return refusal ? Promise.reject(refusal) : Promise.resolve(grantedSession(clock.now()));
  };
  const identity = (fingerprint: string): SigningIdentity => ({
    ...someIdentity,
    fingerprint,
    notAfter: clock.now() + HOUR,
  });
  const outcomeOf = (used: SigningIdentity, name = 'device'): Promise<string> =>
    held
      .within(service, name)(used, signal)
      .then(
        () => 'granted',
        (error: unknown) => (error instanceof ExchangeFailure ? error.code : String(error)),
      );
  const warned = (): unknown[] => lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['code']);
  return { clock, calls, refuses, outcomeOf, warned, old: identity('old'), next: identity('new') };
}

test('a role that is refused the new identity keeps its previous one, and logs that once', async () => {
  const { calls, refuses, outcomeOf, warned, old, next } = role();
  await outcomeOf(old);
  refuses['new'] = REFUSED;
  expect([await outcomeOf(next), await outcomeOf(next)]).toEqual(['granted', 'granted']);
  expect(calls).toEqual(['old', 'new', 'old', 'new', 'old']);
  expect(warned()).toEqual([REFUSED.code]);
  refuses['new'] = undefined;
  await outcomeOf(next);
  refuses['new'] = REFUSED;
  expect(await outcomeOf(next)).toBe(REFUSED.code);
  expect(calls.slice(5)).toEqual(['new', 'new']);
});

test('refused with both, the identity is not at fault: from then on one call each time', async () => {
  const { calls, refuses, outcomeOf, warned, old, next } = role();
  await outcomeOf(old);
  refuses['new'] = refuses['old'] = REFUSED;
  expect([await outcomeOf(next), await outcomeOf(next)]).toEqual([REFUSED.code, REFUSED.code]);
  expect(calls).toEqual(['old', 'new', 'old', 'new']);
  expect(warned()).toEqual([]);
});

test('network failures with either say nothing about them', async () => {
  const { calls, refuses, outcomeOf, old, next } = role();
  await outcomeOf(old);
  refuses['new'] = failure('soon');
  expect(await outcomeOf(next)).toBe('RA_UNAVAILABLE');
  expect(calls).toEqual(['old', 'new']);
  refuses['new'] = REFUSED;
  refuses['old'] = failure('soon');
  expect(await outcomeOf(next)).toBe(REFUSED.code);
  refuses['old'] = undefined;
  expect(await outcomeOf(next)).toBe('granted');
});

test('an expired previous identity is not used', async () => {
  const { clock, calls, refuses, outcomeOf, old, next } = role();
  await outcomeOf(old);
  refuses['new'] = REFUSED;
  await clock.advance(HOUR);
  expect(await outcomeOf(next)).toBe(REFUSED.code);
  expect(calls).toEqual(['old', 'new']);
});

test('is logged for each role', async () => {
  const { refuses, outcomeOf, warned, old, next } = role();
  for (const name of ['one', 'two']) await outcomeOf(old, name);
  refuses['new'] = REFUSED;
  for (const name of ['one', 'two', 'one', 'two']) expect(await outcomeOf(next, name)).toBe('granted');
  expect(warned()).toEqual([REFUSED.code, REFUSED.code]);
});
