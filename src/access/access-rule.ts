import type { AccessConfig } from '../config/config.ts';
import type { Group, User } from '../platform/accounts.ts';

/** Users and groups of this host; undefined: it does not exist. Rejects if that is unknown. */
export interface Accounts {
  readonly user: (user: string | number) => Promise<User | undefined>;
  readonly group: (group: string | number) => Promise<Group | undefined>;
}

/**
 * Admits only named users. Root must be named too: an attacker could trick a program that runs as
 * root into asking.
 *
 * Rejects if no lookup says yes and one failed.
 */
export async function isAllowed({ users, groups }: AccessConfig, uid: number, accounts: Accounts): Promise<boolean> {
  if (users.includes(uid)) return true;
  const user = groups.length > 0 ? accounts.user(uid) : Promise.resolve(undefined);
  return anyTrue([
    ...users.flatMap((name) => (typeof name === 'string' ? [hasName(uid, name, accounts)] : [])),
    ...groups.map(async (group) => isIn(await user, group, accounts)),
  ]);
}

/** All at once, so that a hanging lookup delays none of the others. */
async function anyTrue(questions: readonly Promise<boolean>[]): Promise<boolean> {
  const yes = new Promise<true>((resolve) => {
    const note = (answer: boolean): void => {
      if (answer) resolve(true);
    };
    for (const question of questions) void question.then(note, () => undefined);
  });
  const outcomes = await Promise.race([yes, Promise.allSettled(questions)]);
  if (outcomes === true) return true;
  const failed = outcomes.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return false;
}

async function hasName(uid: number, name: string, accounts: Accounts): Promise<boolean> {
  return (await accounts.user(name))?.uid === uid;
}

/** By its primary group, or as a member. */
async function isIn(user: User | undefined, group: string | number, accounts: Accounts): Promise<boolean> {
  if (!user || group === user.gid) return user !== undefined;
  const found = await accounts.group(group);
  return found !== undefined && (found.gid === user.gid || found.members.includes(user.name));
}

/** A name of `allow` that admits no user. */
export interface UnknownName {
  /** `user app` */
  readonly what: string;
  /** Why the lookup failed; undefined: it does not exist. */
  readonly failure: unknown;
}

export async function unknownNames({ users, groups }: AccessConfig, accounts: Accounts): Promise<UnknownName[]> {
  const questions = [
    ...users.map((name) => ({ what: `user ${name}`, name, look: accounts.user })),
    ...groups.map((name) => ({ what: `group ${name}`, name, look: accounts.group })),
  ];
  const found = await Promise.all(
    questions.map(async ({ what, name, look }): Promise<UnknownName[]> => {
      if (typeof name === 'number') return [];
      try {
        return (await look(name)) ? [] : [{ what, failure: undefined }];
      } catch (failure) {
        return [{ what, failure }];
      }
    }),
  );
  return found.flat();
}
