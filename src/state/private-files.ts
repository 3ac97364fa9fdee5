import type { Stats } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { readIn } from '../files/open-file.ts';
import { openDirectory, type Place, type PlaceOptions } from '../files/place.ts';
import { replaceFile } from '../files/replace-file.ts';
import { checkSteps, type Use } from '../files/safe-place.ts';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { stateError } from './state-errors.ts';

/** Files that only this user can access, in their own directory. Names are plain file names. */
export interface PrivateFiles {
  /** @returns undefined if there is none. @throws STATE_UNREADABLE, _FOREIGN, _EXPOSED, _DAMAGED */
  read(name: string): Promise<Buffer | undefined>;
  /**
   * Replaces the file atomically: readers get the old or the new content, even after a power
   * failure.
   *
   * @throws STATE_NOT_WRITTEN, _FOREIGN, _EXPOSED
   */
  write(name: string, content: Buffer): Promise<void>;
  /**
   * Removes files whose names match and whose last write was before `before`, in milliseconds since
   * the epoch.
   */
  sweep(names: RegExp, before: number): Promise<void>;
}

/** The longest sessions have tokens of some kilobytes. */
const MOST_BYTES = 256 * 1024;
const WRITTEN: Use = { use: 'written' };

export function privateFiles(directory: string): PrivateFiles {
  return {
    read: (name) => readPrivate(directory, name),
    write: (name, content) => writePrivate(directory, name, content),
    sweep: (names, before) => inside(directory, {}, ({ directory: at }) => sweep(at, names, before)),
  };
}

async function readPrivate(directory: string, name: string): Promise<Buffer | undefined> {
  const file = path.join(directory, name);
  try {
    return await inside(directory, {}, async (place) => {
      const read = await readIn(fileIn(place, name), (stats) => isOwnFile(file, stats));
      return read?.content;
    });
  } catch (error) {
    checkMissing(file, error);
    return undefined;
  }
}

async function writePrivate(directory: string, name: string, content: Buffer): Promise<void> {
  try {
    const make = { make: 0o700, mayMake: checkPath };
    await inside(directory, make, (place) => replaceFile(fileIn(place, name), { content, mode: 0o600 }));
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const code = systemCodeOf(error) ?? 'unknown reason';
    throw stateError('STATE_NOT_WRITTEN', `cannot write in ${directory} (${code})`, error);
  }
}

function fileIn(place: Place, name: string): Place {
  return { ...place, file: `${place.directory}/${name}` };
}

/** Works in the checked directory, even if something else replaces it meanwhile. */
async function inside<T>(directory: string, options: PlaceOptions, work: (place: Place) => Promise<T>): Promise<T> {
  const place = await openDirectory(directory, options);
  try {
    checkDirectory(directory, await stat(place.file));
    await checkPath(place.steps);
    return await work(place);
  } finally {
    await place.close();
  }
}

function checkPath(steps: Place['steps']): Promise<void> {
  return checkSteps(steps, WRITTEN);
}

/** Rethrows everything except a missing file. */
function checkMissing(file: string, error: unknown): void {
  const code = systemCodeOf(error);
  if (code === 'ENOENT') return;
  if (error instanceof CodedError) throw error;
  if (code === 'ELOOP') throw stateError('STATE_FOREIGN', `${file} is a link`, error);
  if (code === 'ENOTDIR') throw stateError('STATE_FOREIGN', `${path.dirname(file)} is not a directory`, error);
  throw stateError('STATE_UNREADABLE', `${file} cannot be read (${code ?? 'unknown reason'})`, error);
}

/** Other users may list the names, as with systemd's StateDirectory=, but must not create files. */
function checkDirectory(directory: string, stats: Stats): void {
  checkOwner(directory, stats, stats.isDirectory());
  if ((stats.mode & 0o022) !== 0) throw exposed(directory, stats, 'write there');
}

function isOwnFile(file: string, stats: Stats): true {
  checkOwner(file, stats, stats.isFile());
  if ((stats.mode & 0o077) !== 0) throw exposed(file, stats, 'touch it');
  if (stats.size > MOST_BYTES) throw stateError('STATE_DAMAGED', `${file} is larger than ${MOST_BYTES / 1024} KiB`);
  return true;
}

function checkOwner(name: string, { uid }: Stats, isRightKind: boolean): void {
  const self = process.geteuid?.();
  if (!isRightKind) throw stateError('STATE_FOREIGN', `${name} is not a file of the right type`);
  if (self !== undefined && uid !== self)
    throw stateError('STATE_FOREIGN', `${name} belongs to user ${uid}, and this is user ${self}`);
}

function exposed(name: string, { mode }: Stats, danger: string): CodedError {
  const bits = (mode & 0o7777).toString(8).padStart(4, '0');
  return stateError('STATE_EXPOSED', `${name} is not private (mode ${bits}): other users can ${danger}`);
}

async function sweep(directory: string, names: RegExp, before: number): Promise<void> {
  for (const name of await readdir(`${directory}/.`)) {
    if (!names.test(name)) continue;
    const file = `${directory}/${name}`;
    if ((await stat(file)).mtimeMs < before) await rm(file, { force: true });
  }
}
