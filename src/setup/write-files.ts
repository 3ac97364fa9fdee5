import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../files/replace-file.ts';
import { openSafePlace } from '../files/safe-place.ts';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import type { SetupFile } from './place-files.ts';
import { setupError } from './setup-errors.ts';

export interface NewSetupFile extends SetupFile {
  /** Of a private key: only its owner may read it, and it is never replaced. */
  readonly isKey?: boolean;
}

/**
 * Writes all files, or none if one of them exists.
 *
 * @param mayReplace - files that exist, except private keys.
 * @throws CodedError SETUP_FILE_EXISTS, SETUP_NOT_WRITTEN
 */
export async function writeFiles(
  directory: string,
  files: readonly NewSetupFile[],
  mayReplace: boolean,
): Promise<void> {
  const kept = files.filter(({ isKey }) => isKey === true || !mayReplace);
  const exist = await Promise.all(
    kept.map(async ({ name }) => ((await exists(path.join(directory, name))) ? [name] : [])),
  );
  if (exist.flat().length > 0) throw existing(directory, exist.flat());
  for (const file of files) await write(directory, file, mayReplace && file.isKey !== true);
}

async function write(directory: string, { name, text, mode, isKey }: NewSetupFile, mayReplace: boolean): Promise<void> {
  try {
    const place = await openSafePlace(path.join(directory, name), { use: 'written' }, { make: 0o755 });
    try {
      const isWritten = await replaceFile(place, {
        content: text,
        mode: isKey ? 0o600 : (mode ?? 0o644),
        isWanted: async () => mayReplace || !(await exists(place.file)),
      });
      if (!isWritten) throw existing(directory, [name]);
    } finally {
      await place.close();
    }
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw setupError('SETUP_NOT_WRITTEN', `cannot write ${path.join(directory, name)}: ${messageOf(error)}`, error);
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw setupError('SETUP_NOT_WRITTEN', `cannot examine ${file}: ${messageOf(error)}`, error);
  }
}

function existing(directory: string, names: readonly string[]): CodedError {
  return setupError('SETUP_FILE_EXISTS', `${directory} already has ${names.join(', ')}`);
}
