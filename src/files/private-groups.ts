import { readFile } from 'node:fs/promises';

/**
 * The groups whose only members are root and one user, such as those that distributions create for
 * each user, whose members may write everywhere with a umask of 002. From /etc/passwd and
 * /etc/group: a group of a directory service counts as shared.
 */
export async function privateGroups(self: number): Promise<(gid: number) => boolean> {
  const [passwd, group] = await Promise.all(['/etc/passwd', '/etc/group'].map(entriesOf));
  return (gid) => gid === 0 || isPrivate(gid, self, passwd ?? [], group ?? []);
}

type Entries = readonly (readonly string[])[];

/** passwd(5) has the primary group fourth, group(5) has the members. */
function isPrivate(gid: number, self: number, passwd: Entries, group: Entries): boolean {
  const users = passwd.filter(([, , , primary]) => primary === String(gid));
  const own = new Set(users.filter(([, , uid]) => uid === String(self)).map(([name]) => name));
  const entry = group.find(([, , number]) => number === String(gid));
  if (!entry || own.size === 0 || own.size !== users.length) return false;
  const members = (entry[3] ?? '').split(',').filter((name) => name !== '');
  return members.every((name) => own.has(name) || name === 'root');
}

async function entriesOf(file: string): Promise<Entries> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').map((line) => line.split(':'));
}
