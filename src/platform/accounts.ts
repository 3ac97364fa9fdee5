import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

// Users and groups as this host knows them: /etc/passwd and /etc/group first, then what getent adds (LDAP, systemd's dynamic users),
// where there is such a program. Groups that a process has in another way (newgrp, setgroups) are not seen.

export interface User {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  /** Names of those who have it as a supplementary group. */
  readonly members: readonly string[];
}

/** By name or number; a name of digits only is a name. Undefined: unknown here. */
export async function userOf(user: string | number): Promise<User | undefined> {
  const [name, , uid, gid] = (await entryOf('passwd', user)) ?? [];
  return name === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

export async function groupOf(group: string | number): Promise<Group | undefined> {
  const [name, , gid, members = ''] = (await entryOf('group', group)) ?? [];
  if (name === undefined) return undefined;
  return { name, gid: Number(gid), members: members.split(',').filter((member) => member !== '') };
}

type Database = 'passwd' | 'group';

/** passwd(5), group(5): the name is the first field, the number the third. */
async function entryOf(database: Database, key: string | number): Promise<readonly string[] | undefined> {
  const isIt = (fields: readonly string[]): boolean =>
    typeof key === 'number' ? Number(fields[2]) === key : fields[0] === key;
  const find = (text: string): readonly string[] | undefined =>
    text
      .split('\n')
      .map((line) => line.split(':'))
      .find((fields) => fields.length >= 4 && isIt(fields));
  return find(await readFile(`/etc/${database}`, 'utf8').catch(() => '')) ?? find(await getent(database, key));
}

/** A directory service that does not answer must not hold anybody up for long. */
const GETENT_MS = 2_000;

async function getent(database: Database, key: string | number): Promise<string> {
  return new Promise((resolve) => {
    execFile('getent', [database, String(key)], { timeout: GETENT_MS }, (error, stdout) => {
      resolve(error ? '' : stdout);
    });
  });
}
