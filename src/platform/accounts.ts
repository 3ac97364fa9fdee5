import { readFile } from 'node:fs/promises';
import { systemCodeOf } from '../foundation/errors.ts';
import { systemProgram } from './system-program.ts';

// Users and groups of this host: /etc/passwd and /etc/group first, then getent (LDAP, systemd's
// dynamic users) if it exists. Groups that a process got otherwise (newgrp, setgroups) are not
// visible.
//
// A failed lookup rejects: only the directory service can say "no such group".

export interface User {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  /** Names of its supplementary members. */
  readonly members: readonly string[];
}

/** Sources of users and groups. */
export interface AccountSources {
  /** The directory of `passwd` and `group`. */
  readonly files: string;
  /** Directories of `getent`, in the form of PATH; undefined: the system's. */
  readonly path?: string;
}

const HOST: AccountSources = { files: '/etc' };

/** By name or number. A name of digits is only a name. Undefined: unknown on this host. */
export async function userOf(user: string | number, sources = HOST): Promise<User | undefined> {
  const [name, , uid, gid] = (await entryOf('passwd', user, sources)) ?? [];
  return name === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

/** The same for a group. */
export async function groupOf(group: string | number, sources = HOST): Promise<Group | undefined> {
  const [name, , gid, members = ''] = (await entryOf('group', group, sources)) ?? [];
  if (name === undefined) return undefined;
  return { name, gid: Number(gid), members: members.split(',').filter((member) => member !== '') };
}

/** The numbers of all groups of a user; empty if they cannot be found out. */
export async function groupsOf(user: string): Promise<readonly number[]> {
  const numbers = await systemProgram('id', ['-G', '--', user], { deadlineMs: GETENT_MS }).catch(() => '');
  return numbers.split(/\s+/).flatMap((number) => (/^\d+$/.test(number) ? Number(number) : []));
}

type Database = 'passwd' | 'group';
type Entry = readonly string[];

async function entryOf(
  database: Database,
  key: string | number,
  { files, path }: AccountSources,
): Promise<Entry | undefined> {
  const local = entryIn(await databaseFile(`${files}/${database}`), key);
  return local ?? entryIn(await getent(database, key, path), key);
}

/** passwd(5), group(5): the name is the first field, the number the third. */
function entryIn(text: string, key: string | number): Entry | undefined {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields.length >= 4 && (typeof key === 'number' ? Number(fields[2]) === key : fields[0] === key));
}

/** An image may have no such file. */
async function databaseFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** A silent directory service must not delay requests for long. */
const GETENT_MS = 2_000;

/** getent(1): one of the keys was not found. */
const NOT_FOUND = 2;

async function getent(database: Database, key: string | number, path: string | undefined): Promise<string> {
  try {
    const options = { deadlineMs: GETENT_MS, ...(path !== undefined && { path }) };
    return await systemProgram('getent', [database, String(key)], options);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === NOT_FOUND || code === 'ENOENT') return '';
    throw error;
  }
}
