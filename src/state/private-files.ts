import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { CodedError, systemCodeOf } from '../foundation/errors.ts';
import { stateError } from './state-errors.ts';

/** Files of this user alone, in a directory of their own. Names are plain file names. */
export interface PrivateFiles {
  /** @returns undefined where there is none. @throws STATE_UNREADABLE, _FOREIGN, _EXPOSED, _DAMAGED */
  read(name: string): Promise<Buffer | undefined>;
  /** Replaces the file as a whole: whoever reads gets the old content or the new, also after a power cut. @throws STATE_NOT_WRITTEN, _FOREIGN, _EXPOSED */
  write(name: string, content: Buffer): Promise<void>;
  /** Removes files whose names match and that were last written before `before`, in milliseconds since the epoch. */
  sweep(names: RegExp, before: number): Promise<void>;
}

/** The longest sessions have tokens of some kilobytes. */
const MOST_BYTES = 256 * 1024;

export function privateFiles(directory: string): PrivateFiles {
  return {
    read: (name) => readPrivate(directory, path.join(directory, name)),
    write: (name, content) => writePrivate(directory, path.join(directory, name), content),
    sweep: (names, before) => sweep(directory, names, before),
  };
}

async function readPrivate(directory: string, file: string): Promise<Buffer | undefined> {
  let handle: FileHandle | undefined;
  try {
    checkDirectory(directory, await stat(directory));
    // A link could lead to anything, and a pipe block for ever.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    checkFile(file, await handle.stat());
    return await handle.readFile();
  } catch (error) {
    checkMissing(file, error);
    return undefined;
  } finally {
    await handle?.close();
  }
}

/** Everything but a file that is not there throws. */
function checkMissing(file: string, error: unknown): void {
  const code = systemCodeOf(error);
  if (code === 'ENOENT') return;
  if (error instanceof CodedError) throw error;
  if (code === 'ELOOP') throw stateError('STATE_FOREIGN', `${file} is a link`, error);
  throw stateError('STATE_UNREADABLE', `${file} cannot be read (${code ?? 'unknown reason'})`, error);
}

async function writePrivate(directory: string, file: string, content: Buffer): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    checkDirectory(directory, await stat(directory));
    await writeThrough(temporary, content);
    await rename(temporary, file);
    await syncDirectory(directory);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof CodedError) throw error;
    const code = systemCodeOf(error) ?? 'unknown reason';
    throw stateError('STATE_NOT_WRITTEN', `nothing can be written in ${directory} (${code})`, error);
  }
}

async function writeThrough(file: string, content: Buffer): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Without it, a power cut may undo the rename. Some network file systems refuse it, and the file is whole in any case. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().catch(() => undefined);
  await handle.close();
}

/** Others may look at the names, as systemd's StateDirectory= has it, and never put a file there. */
function checkDirectory(directory: string, stats: Stats): void {
  checkOwner(directory, stats, stats.isDirectory());
  if ((stats.mode & 0o022) !== 0) throw exposed(directory, stats, 'write there');
}

function checkFile(file: string, stats: Stats): void {
  checkOwner(file, stats, stats.isFile());
  if ((stats.mode & 0o077) !== 0) throw exposed(file, stats, 'touch it');
  if (stats.size > MOST_BYTES) throw stateError('STATE_DAMAGED', `${file} is larger than ${MOST_BYTES / 1024} KiB`);
}

function checkOwner(name: string, { uid }: Stats, isRightKind: boolean): void {
  const self = process.getuid?.();
  if (!isRightKind) throw stateError('STATE_FOREIGN', `${name} is something else than what was kept there`);
  if (self !== undefined && uid !== self)
    throw stateError('STATE_FOREIGN', `${name} belongs to user ${uid}, and this is user ${self}`);
}

function exposed(name: string, { mode }: Stats, danger: string): CodedError {
  const bits = (mode & 0o7777).toString(8).padStart(4, '0');
  return stateError('STATE_EXPOSED', `${name} has mode ${bits}: others can ${danger}`);
}

async function sweep(directory: string, names: RegExp, before: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!names.test(name)) continue;
    const file = path.join(directory, name);
    if ((await stat(file)).mtimeMs < before) await rm(file, { force: true });
  }
}
