import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Accounts, isAllowed, unknownNames } from '../../src/access/access-rule.ts';
import { rememberedAccounts } from '../../src/access/remembered-accounts.ts';
import { type AccountSources, groupOf, type User, userOf } from '../../src/platform/accounts.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const USERS = [
  { name: 'root', uid: 0, gid: 0 },
  { name: 'app', uid: 1001, gid: 100 },
  { name: 'guest', uid: 1002, gid: 1002 },
  { name: '1002', uid: 7, gid: 7 },
];
const GROUPS = [
  { name: 'users', gid: 100, members: [] },
  { name: 'deploy', gid: 200, members: ['guest', 'gone'] },
];
const accounts: Accounts = {
  user: (key) => Promise.resolve(USERS.find(({ name, uid }) => (typeof key === 'number' ? uid : name) === key)),
  group: (key) => Promise.resolve(GROUPS.find(({ name, gid }) => (typeof key === 'number' ? gid : name) === key)),
};

test.each([
  ['a number', { users: [1001] }, 1001, true],
  ['an unknown number', { users: [4242] }, 4242, true],
  ['a name', { users: ['app'] }, 1001, true],
  ['another name', { users: ['guest'] }, 1001, false],
  ['a name that looks like a number', { users: ['1002'] }, 1002, false],
  ['an unknown name', { users: ['nobody-here'] }, 1001, false],
  ['the primary group', { groups: ['users'] }, 1001, true],
  ['the primary group by number', { groups: [100] }, 1001, true],
  ['the primary group by number, which has no name', { groups: [7] }, 7, true],
  ['a supplementary group', { groups: ['deploy'] }, 1002, true],
  ['a supplementary group by number', { groups: [200] }, 1002, true],
  ['a group of others', { groups: ['deploy'] }, 1001, false],
  ['a group that does not exist', { groups: ['none', 999] }, 1001, false],
  ['a user without a name', { groups: ['users'] }, 4242, false],
  ['root, which is not named', { users: ['app'], groups: ['users'] }, 0, false],
  ['one of both', { users: ['app'], groups: ['deploy'] }, 1002, true],
] as const)('%s', async (_, allow, uid, expected) => {
  expect(await isAllowed({ users: [], groups: [], ...allow }, uid, accounts)).toBe(expected);
});

test('finds unknown names', async () => {
  const allow = { users: ['app', 'typo', 4242], groups: ['deploy', 'tpyo', 999] };
  expect((await unknownNames(allow, accounts)).map(({ what }) => what)).toEqual(['user typo', 'group tpyo']);
});

test('admits by one lookup while another hangs or fails', async () => {
  const failing: Accounts = {
    user: (key) => (key === 'app' ? Promise.reject(new Error('no answer')) : accounts.user(key)),
    group: (key) => (key === 'deploy' ? new Promise(() => undefined) : accounts.group(key)),
  };
  expect(await isAllowed({ users: ['app'], groups: ['deploy', 'users'] }, 1001, failing)).toBe(true);
  for (const users of [['app'], ['typo', 'app']])
    await expect(isAllowed({ users, groups: ['none'] }, 1002, failing)).rejects.toThrow('no answer');
  expect(await unknownNames({ users: ['app', 'typo'], groups: [] }, failing)).toMatchObject([
    { what: 'user app', failure: new Error('no answer') },
    { what: 'user typo', failure: undefined },
  ]);
});

describe('the cache of the directory', () => {
  /** A directory whose answers the test chooses. */
  function directory() {
    const clock = new VirtualClock();
    const asked: (string | number)[] = [];
    let answer: () => Promise<User | undefined> = () => accounts.user('app');
    const user: Accounts['user'] = (key) => (asked.push(key), answer());
    const known = rememberedAccounts({ ...accounts, user }, clock);
    const uid = async (): Promise<number | undefined> => (await known.user('app'))?.uid;
    return { clock, asked, known, uid, answers: (next: typeof answer) => (answer = next) };
  }
  const hangs = (): Promise<undefined> => new Promise(() => undefined);
  const fails = (): Promise<undefined> => Promise.reject(new Error('no answer'));
  const isGone = (): Promise<undefined> => Promise.resolve(undefined);

  test('keeps an answer for a minute', async () => {
    const { clock, asked, known, uid } = directory();
    expect([await uid(), await uid(), (await known.user(1001))?.uid, asked]).toEqual([1001, 1001, 1001, ['app', 1001]]);
    await clock.advance(59_999);
    await uid();
    expect(asked).toEqual(['app', 1001]);
    await clock.advance(1);
    await uid();
    expect(asked).toEqual(['app', 1001, 'app']);
  });

  test('keeps a thousand answers and drops the least recently used', async () => {
    const { asked, known } = directory();
    for (let uid = 0; uid < 1_000; uid += 1) await known.user(uid);
    for (const uid of [0, 1_000, 0, 2]) await known.user(uid);
    expect(asked).toHaveLength(1_001);
    await known.user(1);
    expect(asked.slice(-2)).toEqual([1_000, 1]);
  });

  test('keeps an absence for five seconds, because a restarting directory reports one', async () => {
    const { clock, asked, uid, answers } = directory();
    answers(isGone);
    expect([await uid(), await uid(), asked.length]).toEqual([undefined, undefined, 1]);
    answers(() => accounts.user('app'));
    await clock.advance(5_000);
    expect(await uid()).toBe(1001);
  });

  test('keeps the last answer while the directory fails, and asks again every five seconds', async () => {
    const { clock, asked, uid, answers } = directory();
    await uid();
    answers(fails);
    await clock.advance(60_000);
    expect([await uid(), await uid(), await uid(), asked.length]).toEqual([1001, 1001, 1001, 2]);
    await clock.advance(5_000);
    answers(isGone);
    expect([await uid(), asked.length]).toEqual([undefined, 3]);
  });

  test('keeps the last answer while the directory hangs: one request waits 250 ms, later ones not at all', async () => {
    const { clock, asked, uid, answers } = directory();
    await uid();
    answers(hangs);
    await clock.advance(60_000);
    let first: number | undefined;
    void uid().then((found) => (first = found));
    await clock.advance(249);
    expect(first).toBeUndefined();
    await clock.advance(1);
    expect([first, await uid(), asked.length]).toEqual([1001, 1001, 2]);
  });

  test('does not keep a failure as an absence: without an earlier answer the lookup rejects', async () => {
    const { clock, asked, uid, answers } = directory();
    answers(fails);
    await expect(uid()).rejects.toThrow('no answer');
    await expect(uid()).rejects.toThrow('no answer');
    expect(asked).toHaveLength(1);
    answers(() => accounts.user('app'));
    await clock.advance(5_000);
    expect(await uid()).toBe(1001);
  });

  test('keeps an answer no longer after a step of the clock', async () => {
    const { clock, asked, uid } = directory();
    await uid();
    clock.step(-3_600_000);
    await clock.advance(60_000);
    await uid();
    expect(asked).toHaveLength(2);
  });
});

describe('getent', () => {
  /** A directory with a program of that name, and no files. */
  async function sources(script: string): Promise<AccountSources> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-getent-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(path.join(directory, 'getent'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { files: directory, path: `${directory}:/usr/bin:/bin` };
  }

  test('finds a group that is not in the files', async () => {
    const found = await groupOf('staff', await sources('echo "$2:*:500:ann,bob"'));
    expect(found).toEqual({ name: 'staff', gid: 500, members: ['ann', 'bob'] });
  });

  test('reports an absence by exit code 2, and any other code is a failure', async () => {
    expect(await groupOf('staff', await sources('exit 2'))).toBeUndefined();
    await expect(groupOf('staff', await sources('exit 1'))).rejects.toThrow();
    await expect(groupOf('staff', await sources('kill -9 $$'))).rejects.toThrow();
  });

  test('fails after two seconds if it hangs', async () => {
    await expect(userOf('ann', await sources('exec sleep 30'))).rejects.toThrow('2000 ms');
  });

  test('gets no environment, and is absent if the system has none', async () => {
    vi.stubEnv('MARKED_SECRET', 'x');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await userOf('ann', await sources('echo "$2:*:${MARKED_SECRET:-7}:8"'))).toMatchObject({ uid: 7 });
    expect(await userOf('ann', { files: '/nowhere', path: '/nowhere' })).toBeUndefined();
  });

  test('is not looked up in PATH', async () => {
    const { path: hostile = '' } = await sources('echo "$2:*:0:0"');
    vi.stubEnv('PATH', hostile);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await userOf('no-such-user')).toBeUndefined();
  });

  test('does not replace a file that cannot be read', async () => {
    const { path: programs = '' } = await sources('exit 2');
    // A directory: readFile fails, but not because it is missing.
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-passwd-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    await mkdir(path.join(directory, 'passwd'));
    await expect(userOf('ann', { files: directory, path: programs })).rejects.toThrow('EISDIR');
  });
});

test('finds users and groups of this host by name and number', async () => {
  expect(await userOf('root')).toEqual({ name: 'root', uid: 0, gid: 0 });
  expect(await userOf(0)).toEqual(await userOf('root'));
  expect((await groupOf(0))?.gid).toBe(0);
  expect([await userOf('no-such-user'), await userOf(4_242_424), await groupOf('no-such-group')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
