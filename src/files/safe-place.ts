import { readFile } from 'node:fs/promises';
import type { CodedError } from '../foundation/errors.ts';
import { openPlace, type Place, type PlaceOptions, type Step } from './place.ts';
import { type Finding, findingsAbout, type TrustRule } from './trust.ts';

/** The purpose of a file, and who may own it. */
export type Use = Pick<TrustRule, 'use' | 'owner' | 'inHome'>;

/** Problems of a path. None if users have no numbers, as on Windows. */
export async function findingsOf(steps: readonly Step[], use: Use): Promise<readonly Finding[]> {
  const self = process.geteuid?.();
  if (self === undefined) return [];
  const isShared = steps.some(({ mode, gid }) => (mode & 0o020) !== 0 && gid !== 0);
  const isPrivate = isShared ? await privateGroups(self) : () => true;
  return findingsAbout(steps, { ...use, self, isPrivate });
}

export function dangerIn(findings: readonly Finding[]): CodedError | undefined {
  return findings.find(({ isDangerous }) => isDangerous)?.error;
}

/** @throws CodedError for the first danger on a path. */
export async function checkSteps(steps: readonly Step[], use: Use): Promise<void> {
  const danger = dangerIn(await findingsOf(steps, use));
  if (danger) throw danger;
}

/**
 * A place that only permitted users can change.
 *
 * @throws CodedError of `fileErrors`, or the system's error.
 */
export async function openSafePlace(named: string, use: Use, options: PlaceOptions = {}): Promise<Place> {
  const place = await openPlace(named, { mayMake: (steps) => checkSteps(steps, use), ...options });
  try {
    await checkSteps(place.steps, use);
    return place;
  } catch (error) {
    await place.close();
    throw error;
  }
}

/**
 * The groups whose only members are root and one user, such as those that distributions create for
 * each user, whose members may write everywhere with a umask of 002. From /etc/passwd and
 * /etc/group: a group of a directory service counts as shared.
 */
async function privateGroups(self: number): Promise<(gid: number) => boolean> {
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
