import { expect, test } from 'vitest';
import type { RoleConfig } from '../../src/config/config.ts';
import { FirstHops } from '../../src/daemon/first-hops.ts';
import { roleExchange, type RoleExchangeParts } from '../../src/daemon/role-exchange.ts';
import type { RoleSession } from '../../src/rolesanywhere/role-session.ts';
import type { State } from '../../src/state/state.ts';
import { failure, grantedSession, HOUR, someIdentity } from '../sessions/support.ts';
import { roleOf } from '../support/configuration.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ROLE = roleOf('Device', { roleSessionName: 'before' });

function chainParts() {
  const never: Pick<RoleExchangeParts, 'assume' | 'firstHops' | 'grantees' | 'isKept'> = {
    assume: () => () => Promise.reject(new Error('not chained')),
    firstHops: {
      of: () => {
        throw new Error('not chained');
      },
    },
    grantees: new WeakMap(),
    isKept: true,
  };
  return never;
}

test('a session is stored for the role that requested it, even if its configuration has changed meanwhile', async () => {
  const clock = new VirtualClock();
  const kept: unknown[] = [];
  const session = ({ roleSessionName }: Partial<RoleConfig>) => ({ keep: () => kept.push(roleSessionName) });
  let configured = ROLE;
  let grant: (session: RoleSession) => void = () => undefined;
  const exchange = roleExchange(ROLE, () => configured, {
    call: () => () => new Promise((resolve) => (grant = resolve)),
    rollover: { within: (call) => call },
    state: { session } as unknown as State,
    ...chainParts(),
    exchanged: () => undefined,
    clock,
  });
  const exchanged = exchange(someIdentity, new AbortController().signal);
  configured = { ...ROLE, roleSessionName: 'after' };
  grant(grantedSession(clock.now()));
  await exchanged;
  expect(kept).toEqual(['before']);
});

const CHAINED: RoleConfig = {
  ...ROLE,
  name: 'deploy',
  assume: {
    roleArn: 'arn:aws:iam::210987654321:role/deploy',
    sessionDuration: 3_600,
    policyArns: [],
    tags: {},
    transitiveTagKeys: [],
    sts: { region: 'eu-central-1', fips: false, dualStack: false },
  },
};

test('roles with the same first role share its session; each call is reported with the certificate that it is about', async () => {
  const clock = new VirtualClock();
  const [signal, identity] = [new AbortController().signal, () => Promise.resolve(someIdentity)];
  const kept: string[] = [];
  const calls: string[] = [];
  const exchanged: string[] = [];
  const session = ({ name }: Partial<RoleConfig>) => ({
    keep: () => kept.push(name ?? ''),
    restored: () => Promise.resolve(undefined),
  });
  const state = { session } as unknown as State;
  const parts: RoleExchangeParts = {
    call: () => () => Promise.resolve(grantedSession(clock.now(), HOUR, 'first')),
    assume:
      () =>
      (first, { roleArn }) =>
        Promise.resolve(grantedSession(clock.now(), HOUR, `${roleArn} by ${first.accessKeyId}`)),
    firstHops: new FirstHops({ state, identity, clock, random: () => 0.5, log: () => undefined, signal }),
    rollover: { within: (call, name) => (exchanged.push(name), call) },
    state,
    grantees: new WeakMap(),
    isKept: true,
    exchanged: (name, { operation, identity: { serial } }) => calls.push(`${name} ${operation} ${serial}`),
    clock,
  };
  const narrower = { ...CHAINED, name: 'narrower' };
  const otherIdentity = { ...someIdentity, serial: '2' };
  const { accessKeyId } = await roleExchange(CHAINED, () => CHAINED, parts)(someIdentity, signal);
  await roleExchange(narrower, () => narrower, parts)(otherIdentity, signal);
  expect(accessKeyId).toBe('arn:aws:iam::210987654321:role/deploy by first');
  expect(calls).toEqual(['deploy CreateSession 1', 'deploy AssumeRole 1', 'narrower AssumeRole 1']);
  expect(kept).toEqual(['first role Device', 'deploy', 'narrower']);
  // The rollover knows them as one, whichever asks.
  expect(exchanged).toEqual(['first role Device', 'first role Device']);
});

test.each(['CreateSession', 'AssumeRole'])('a failure of a chained role says that %s failed', async (operation) => {
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  const identity = (): Promise<typeof someIdentity> => Promise.resolve(someIdentity);
  const answer = (name: string) => () =>
    name === operation ? Promise.reject(failure('soon')) : Promise.resolve(grantedSession(clock.now()));
  const exchange = roleExchange(CHAINED, () => CHAINED, {
    call: () => answer('CreateSession'),
    assume: () => answer('AssumeRole'),
    firstHops: new FirstHops({ state: undefined, identity, clock, random: () => 0.5, log: () => undefined, signal }),
    rollover: { within: (call) => call },
    state: undefined,
    grantees: new WeakMap(),
    isKept: true,
    exchanged: () => undefined,
    clock,
  });
  await expect(exchange(someIdentity, signal)).rejects.toMatchObject({ code: 'RA_UNAVAILABLE', operation });
});

test('a first role is forgotten with the last role that needs it', () => {
  const hops = new FirstHops({
    state: undefined,
    identity: () => Promise.resolve(someIdentity),
    clock: new VirtualClock(),
    random: Math.random,
    log: () => undefined,
    signal: new AbortController().signal,
  });
  const hop = hops.of(CHAINED);
  expect([hops.stateOf(CHAINED), hops.stateOf(ROLE)]).toEqual([hop.state, undefined]);
  expect(hops.of({ ...CHAINED, sessionDuration: 900 })).not.toBe(hop);
  hops.keep([{ ...CHAINED, name: 'another' }]);
  expect(hops.of(CHAINED)).toBe(hop);
  hops.keep([ROLE]);
  expect(hops.of(CHAINED)).not.toBe(hop);
});
