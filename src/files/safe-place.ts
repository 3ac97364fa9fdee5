import { readFile } from 'node:fs/promises';
import type { CodedError } from '../foundation/errors.ts';
import { openPlace, type Place, type PlaceOptions, type Step } from './place.ts';
import { type AccountFiles, privateGroups } from './private-groups.ts';
import { type Finding, findingsAbout, type TrustRule } from './trust.ts';

/** The purpose of a file, and who may own it. */
export type Use = Pick<TrustRule, 'use' | 'owner' | 'inHome'>;

/** Problems of a path. None if users have no numbers, as on Windows. */
export async function findingsOf(steps: readonly Step[], use: Use): Promise<readonly Finding[]> {
  const self = process.geteuid?.();
  if (self === undefined) return [];
  const isShared = steps.some(({ mode }) => (mode & 0o020) !== 0);
  const isPrivate = isShared ? privateGroups(await accountFiles(), self) : () => true;
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

/** A file that cannot be read has no accounts. */
async function accountFiles(): Promise<AccountFiles> {
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  const [passwd, group] = await Promise.all([read('/etc/passwd'), read('/etc/group')]);
  return { passwd, group };
}
