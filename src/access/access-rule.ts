import type { AccessConfig } from '../config/config.ts';
import type { Group, User } from '../platform/accounts.ts';

/** Users and groups as they are known here; undefined: not. */
export interface Accounts {
  readonly user: (user: string | number) => Promise<User | undefined>;
  readonly group: (group: string | number) => Promise<Group | undefined>;
}

/** Nobody is let in that is not named, root neither: a program that runs as root may be the one that is talked into asking. */
export async function isAllowed({ users, groups }: AccessConfig, uid: number, accounts: Accounts): Promise<boolean> {
  if (users.includes(uid)) return true;
  for (const name of users) if (typeof name === 'string' && (await accounts.user(name))?.uid === uid) return true;
  const user = groups.length > 0 ? await accounts.user(uid) : undefined;
  if (!user) return false;
  for (const name of groups) if (await isIn(user, name, accounts)) return true;
  return false;
}

/** By its primary group, or as one of the members. */
async function isIn({ name, gid }: User, group: string | number, accounts: Accounts): Promise<boolean> {
  if (group === gid) return true;
  const found = await accounts.group(group);
  return found !== undefined && (found.gid === gid || found.members.includes(name));
}

/** Names that nobody and nothing here has. */
export async function unknownNames({ users, groups }: AccessConfig, accounts: Accounts): Promise<readonly string[]> {
  const unknown: string[] = [];
  for (const name of users) if (typeof name === 'string' && !(await accounts.user(name))) unknown.push(`user ${name}`);
  for (const name of groups)
    if (typeof name === 'string' && !(await accounts.group(name))) unknown.push(`group ${name}`);
  return unknown;
}
