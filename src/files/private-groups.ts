// Distributions create a group for each user, whose members may write everywhere with a umask of 002.

/** The texts of /etc/passwd and /etc/group. A group of a directory service counts as shared. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

/** Whether only root and this user are in a group. */
export function privateGroups({ passwd, group }: AccountFiles, self: number): (gid: number) => boolean {
  const [users, groups] = [entriesOf(passwd), entriesOf(group)];
  return (gid) => gid === 0 || isPrivate(String(gid), String(self), users, groups);
}

type Entries = readonly (readonly string[])[];

/** passwd(5) has the primary group fourth, group(5) has the members. */
function isPrivate(gid: string, self: string, passwd: Entries, group: Entries): boolean {
  const users = passwd.filter(([, , , primary]) => primary === gid);
  const entries = group.filter(([, , number]) => number === gid);
  if (users.length === 0 || entries.length === 0 || users.some(([, , uid]) => uid !== self)) return false;
  const own = new Set(users.map(([name]) => name));
  // Several names can have one number.
  const members = entries.flatMap(([, , , names = '']) => names.split(','));
  return members.every((name) => own.has(name) || name === 'root' || name === '');
}

function entriesOf(text: string): Entries {
  return text.split('\n').map((line) => line.split(':'));
}
