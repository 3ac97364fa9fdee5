import { expect, onTestFinished, test } from 'vitest';
import type { AssumeConfig, RoleConfig } from '../../src/config/config.ts';
import { CodedError } from '../../src/foundation/errors.ts';
import { PodSessions } from '../../src/kubernetes/pod-sessions.ts';
import type { PodIdentity } from '../../src/kubernetes/pod-token.ts';
import { SessionKeeper } from '../../src/sessions/session-keeper.ts';
import { failure, grantedSession, HOUR, MINUTE, recordingLog, someIdentity } from '../sessions/support.ts';
import { roleOf } from '../support/configuration.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ROLE = roleOf('one');

function serving() {
  const clock = new VirtualClock();
  const service = { fails: false };
  const calls: string[] = [];
  const durations: number[] = [];
  const sessions = new PodSessions({
    clock,
    keeperFor: (_role, configured, { namespace, serviceAccount, pod }) =>
      new SessionKeeper({
        createSession: () => {
          calls.push(`${namespace}/${serviceAccount}/${pod}`);
          durations.push(configured().sessionDuration);
          return service.fails
            ? Promise.reject(failure('soon'))
            : Promise.resolve(grantedSession(clock.now(), HOUR, `ASIA${calls.length}`));
        },
        identity: () => Promise.resolve(someIdentity),
        clock,
        random: () => 0.5,
        phase: 0.5,
        log: recordingLog().log,
      }),
  });
  onTestFinished(() => sessions.keepOnly(() => undefined));
  const podNamed = (pod: string, changes: Partial<PodIdentity> = {}): PodIdentity => ({
    namespace: 'shop',
    serviceAccount: 'uploader',
    pod,
    podUid: `uid of ${pod}`,
    expiresAt: clock.now() + 10 * MINUTE,
    ...changes,
  });
  /** What the endpoint does for each request. */
  const keyFor = async (pod: PodIdentity, role: RoleConfig = ROLE): Promise<string | undefined> => {
    const session = sessions.of(role, pod);
    if (session instanceof CodedError) return session.code;
    await clock.advance(1);
    return session.current()?.accessKeyId;
  };
  return { clock, service, calls, durations, sessions, podNamed, keyFor };
}

test('each pod has its own session', async () => {
  const { calls, podNamed, keyFor } = serving();
  expect(await keyFor(podNamed('a'))).toBe('ASIA1');
  expect(await keyFor(podNamed('b'))).toBe('ASIA2');
  expect(await keyFor(podNamed('a'))).toBe('ASIA1');
  expect(calls).toEqual(['shop/uploader/a', 'shop/uploader/b']);
});

test.each([
  ['another pod of the same name', { podUid: 'later' }],
  ['another account', { serviceAccount: 'admin' }],
  ['another namespace', { namespace: 'bank' }],
])('%s has another session', async (_, changes) => {
  const { podNamed, keyFor } = serving();
  expect(await keyFor(podNamed('a'))).toBe('ASIA1');
  expect(await keyFor(podNamed('a', changes))).toBe('ASIA2');
});

test('another role of the same pod has another session', async () => {
  const { podNamed, keyFor } = serving();
  expect(await keyFor(podNamed('a'))).toBe('ASIA1');
  expect(await keyFor(podNamed('a'), { ...ROLE, name: 'two' })).toBe('ASIA2');
});

test('the session of a pod that asks is renewed before it ends', async () => {
  const { clock, podNamed, keyFor } = serving();
  const keys = new Set<string | undefined>();
  for (let asked = 0; asked < 18; asked += 1) {
    keys.add(await keyFor(podNamed('a')));
    await clock.advance(10 * MINUTE);
  }
  expect(keys.size).toBeGreaterThan(5);
  expect(keys.has(undefined)).toBe(false);
});

test('a pod that keeps its session until shortly before its end gets another one at once', async () => {
  const { clock, calls, podNamed, keyFor } = serving();
  await keyFor(podNamed('a'));
  await clock.advance(55 * MINUTE);
  const before = calls.length;
  expect(await keyFor(podNamed('a'))).toBe(`ASIA${before}`);
  expect(before).toBeGreaterThan(1);
});

test('a pod that is gone costs no call after the end of its session, and no timer', async () => {
  const { clock, calls, sessions, podNamed, keyFor } = serving();
  await keyFor(podNamed('a'));
  await clock.advance(62 * MINUTE);
  expect(sessions.keepers).toHaveLength(0);
  expect(clock.hasSleepers).toBe(false);
  const after = calls.length;
  await clock.advance(5 * HOUR);
  expect(calls).toHaveLength(after);
  expect(await keyFor(podNamed('a'))).toBe(`ASIA${after + 1}`);
  await clock.advance(62 * MINUTE);
  expect(clock.hasSleepers).toBe(false);
});

test('a pod that never gets a session is forgotten with its token', async () => {
  const { clock, service, sessions, podNamed, keyFor } = serving();
  service.fails = true;
  expect(await keyFor(podNamed('a'))).toBeUndefined();
  await clock.advance(9 * MINUTE);
  expect(sessions.keepers).toHaveLength(1);
  await clock.advance(2 * MINUTE);
  expect(sessions.keepers).toHaveLength(0);
});

test('a flood of pods is bounded, and takes no session of the others', async () => {
  const { clock, calls, sessions, podNamed, keyFor } = serving();
  const expiresAt = clock.now() + MINUTE / 2;
  for (let pod = 0; pod < 1_000; pod += 1) sessions.of(ROLE, podNamed(`${pod}`, { expiresAt }));
  await clock.advance(1);
  for (let pod = 1_000; pod < 10_000; pod += 1)
    expect(sessions.of(ROLE, podNamed(`${pod}`))).toMatchObject({ code: 'POD_SESSIONS_FULL' });
  await clock.advance(1);
  expect(calls).toHaveLength(1_000);
  expect(await keyFor(podNamed('7'))).toBe('ASIA8');
  await clock.advance(MINUTE);
  expect(sessions.keepers).toHaveLength(1);
  expect(await keyFor(podNamed('9999'))).toMatch(/^ASIA/);
});

test('a new configuration ends the sessions that it does not grant', async () => {
  const { calls, sessions, podNamed, keyFor } = serving();
  await keyFor(podNamed('a'));
  await keyFor(podNamed('b'));
  await sessions.keepOnly((name, { pod }) => (name === 'one' && pod === 'b' ? ROLE : undefined));
  expect(sessions.keepers).toHaveLength(1);
  expect(await keyFor(podNamed('b'))).toBe('ASIA2');
  expect(await keyFor(podNamed('a'))).toBe('ASIA3');
  expect(calls).toHaveLength(3);
});

const SECOND: AssumeConfig = {
  roleArn: 'arn:aws:iam::123456789012:role/second',
  sessionDuration: 3_600,
  policyArns: [],
  tags: {},
  transitiveTagKeys: [],
  sts: { region: 'eu-central-1', fips: false, dualStack: false },
};
const CHAINED: RoleConfig = { ...ROLE, assume: SECOND };

test('a new configuration of the same session keeps it, and is that of the next call', async () => {
  const { clock, calls, durations, sessions, podNamed, keyFor } = serving();
  await keyFor(podNamed('a'), CHAINED);
  const changed = { ...CHAINED, sessionDuration: 900, required: false, allow: { users: ['root'], groups: [] } };
  await sessions.keepOnly(() => changed);
  expect(await keyFor(podNamed('a'), changed)).toBe('ASIA1');
  expect(calls).toHaveLength(1);
  await clock.advance(55 * MINUTE);
  await keyFor(podNamed('a'), changed);
  expect([...new Set(durations)]).toEqual([CHAINED.sessionDuration, 900]);
});

test.each([
  ['another policy', { ...SECOND, policy: { from: 'text', text: '{}' } }],
  ['other tags', { ...SECOND, tags: { team: 'blue' } }],
  ['another second role', { ...SECOND, roleArn: 'arn:aws:iam::123456789012:role/other' }],
] as const)('a new configuration with %s ends the session', async (_, assume) => {
  const { sessions, podNamed, keyFor } = serving();
  await keyFor(podNamed('a'), CHAINED);
  const changed: RoleConfig = { ...CHAINED, assume };
  await sessions.keepOnly(() => changed);
  expect(await keyFor(podNamed('a'), changed)).toBe('ASIA2');
});
