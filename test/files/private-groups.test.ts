import { expect, it } from 'vitest';
import { privateGroups } from '../../src/files/private-groups.ts';

const SELF = 1001;
const PASSWD = [
  'root:x:0:0:root:/root:/bin/bash',
  'own:x:1001:1001::/home/own:/bin/sh',
  'other:x:1002:1002::/home/other:/bin/sh',
  '',
];
const GROUP = ['root:x:0:', 'own:x:1001:', 'other:x:1002:', 'staff:x:50:', ''];

/** Of the group 1001, which belongs to this user, unless another is given. */
function isPrivate({ passwd = PASSWD, group = GROUP, gid = SELF }): boolean {
  return privateGroups({ passwd: passwd.join('\n'), group: group.join('\n') }, SELF)(gid);
}

const members = (names: string, gid = 1001): string[] => [`name${gid}:x:${gid}:${names}`, ...GROUP.slice(2)];

it('is the group that a distribution creates for a user', () => {
  expect(isPrivate({})).toBe(true);
  for (const names of ['own', 'root', 'own,root', 'root,own']) expect(isPrivate({ group: members(names) })).toBe(true);
});

it('is the group of root', () => {
  expect(isPrivate({ gid: 0 })).toBe(true);
  expect(isPrivate({ gid: 0, passwd: [], group: [] })).toBe(true);
});

it('has no other member', () => {
  for (const names of ['other', 'own,other', 'other,own', 'owner', 'ro'])
    expect(isPrivate({ group: members(names) })).toBe(false);
});

it('has no other member under another name of its number', () => {
  expect(isPrivate({ group: [...GROUP, 'also:x:1001:'] })).toBe(true);
  expect(isPrivate({ group: [...GROUP, 'also:x:1001:other'] })).toBe(false);
});

it('is the primary group of no other user', () => {
  expect(isPrivate({ passwd: [...PASSWD, 'guest:x:1003:1001::/:/bin/sh'] })).toBe(false);
  expect(isPrivate({ passwd: [...PASSWD, 'same:x:1001:1001::/:/bin/sh'] })).toBe(true);
});

it('is not the group of another user, nor one that is the primary group of no user', () => {
  expect(isPrivate({ gid: 1002 })).toBe(false);
  expect(isPrivate({ gid: 50 })).toBe(false);
  expect(isPrivate({ gid: 50, group: ['staff:x:50:own'] })).toBe(false);
});

it('is not one that the files do not name, such as one of a directory service', () => {
  expect(isPrivate({ gid: 54_321 })).toBe(false);
  expect(isPrivate({ group: GROUP.filter((line) => !line.startsWith('own')) })).toBe(false);
  expect(isPrivate({ passwd: PASSWD.filter((line) => !line.startsWith('own')) })).toBe(false);
  expect(isPrivate({ passwd: [], group: [] })).toBe(false);
});
