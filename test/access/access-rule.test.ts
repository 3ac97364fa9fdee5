import { expect, test } from 'vitest';
import { isAllowed, unknownNames, type Accounts } from '../../src/access/access-rule.ts';
import { rememberedAccounts } from '../../src/access/remembered-accounts.ts';
import { groupOf, userOf } from '../../src/platform/accounts.ts';
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
  ['a number nobody has', { users: [4242] }, 4242, true],
  ['a name', { users: ['app'] }, 1001, true],
  ['another name', { users: ['guest'] }, 1001, false],
  ['a name that looks like a number', { users: ['1002'] }, 1002, false],
  ['a name that nobody has', { users: ['nobody-here'] }, 1001, false],
  ['the primary group', { groups: ['users'] }, 1001, true],
  ['the primary group by number', { groups: [100] }, 1001, true],
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

test('names that nobody has are found', async () => {
  const allow = { users: ['app', 'typo', 4242], groups: ['deploy', 'tpyo', 999] };
  expect(await unknownNames(allow, accounts)).toEqual(['user typo', 'group tpyo']);
});

test('an account is looked up once a minute', async () => {
  const clock = new VirtualClock();
  const asked: (string | number)[] = [];
  const known = rememberedAccounts({ ...accounts, user: (key) => (asked.push(key), accounts.user(key)) }, clock);
  const users = [await known.user('app'), await known.user('app'), await known.user(1001)];
  expect([users.map((user) => user?.uid), asked]).toEqual([
    [1001, 1001, 1001],
    ['app', 1001],
  ]);
  clock.step(60_000);
  await known.user('app');
  expect(asked).toEqual(['app', 1001, 'app']);
});

test('this host knows its users and groups by name and number', async () => {
  expect(await userOf('root')).toEqual({ name: 'root', uid: 0, gid: 0 });
  expect(await userOf(0)).toEqual(await userOf('root'));
  expect((await groupOf(0))?.gid).toBe(0);
  expect([await userOf('no-such-user'), await userOf(4_242_424), await groupOf('no-such-group')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
