// The path to a file, one step at a time, each below the open directory of the previous step.
// Whatever others rename or replace above it, all further work happens in the checked directory.
//
// Needs O_PATH and /proc/self/fd of Linux. Elsewhere (macOS, or Linux without /proc), the steps go
// by name: the rules of trust.ts still apply, but a race between two steps is possible.

import { closeSync, constants, existsSync, fstatSync, open as openCallback, type Stats } from 'node:fs';
import { access, lstat, mkdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { systemCodeOf } from '../foundation/errors.ts';

/** The object at one step of the path. */
export interface Step {
  readonly path: string;
  readonly kind: 'directory' | 'link' | 'file';
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** The root of a read-only mount, as the volumes of containers are. Its mode says nothing about who can write. */
  readonly isReadOnlyMount?: boolean;
}

export interface Place {
  /** For system calls: the open directory. */
  readonly directory: string;
  /** For system calls: the file in it, `.` for a place that is a directory. */
  readonly file: string;
  /** From the root to the directory. Includes the file itself only if links to it were followed. */
  readonly steps: readonly Step[];
  readonly close: () => Promise<void>;
}

export interface PlaceOptions {
  /** Follow a link at the end. */
  readonly followLast?: boolean;
  /** Create missing directories, with this mode. */
  readonly make?: number;
  /** Called before a directory is created. Throws to forbid it. */
  readonly mayMake?: (steps: readonly Step[]) => Promise<void>;
  /** Receives the steps as they are taken, for a path that ends early. */
  readonly steps?: Step[];
}

/** @throws the system's error. */
export function openPlace(named: string, options: PlaceOptions = {}): Promise<Place> {
  return new Way(options).to(partsOf(path.resolve(named)));
}

/** The place of a directory. @throws the system's error. */
export function openDirectory(named: string, options: PlaceOptions = {}): Promise<Place> {
  return new Way(options).to([...partsOf(path.resolve(named)), '.']);
}

/** Like path_resolution(7). */
const MOST_LINKS = 40;

class Way {
  readonly #options: PlaceOptions;
  readonly #steps: Step[];
  #directory: Entry | undefined;
  #path = '/';
  #links = 0;

  constructor(options: PlaceOptions) {
    this.#options = options;
    this.#steps = options.steps ?? [];
  }

  async to(parts: readonly string[]): Promise<Place> {
    try {
      let directory = await this.#start();
      const rest = [...parts];
      for (let name = rest[0]; name !== undefined; name = rest[0]) {
        const isLast = rest.length === 1;
        const instead = isLast && !this.#options.followLast ? undefined : await this.#through(directory, name, isLast);
        if (!instead) break;
        rest.splice(0, 1, ...instead);
        directory = this.#directory ?? directory;
      }
      const { at, close } = directory;
      return { directory: at, file: `${at}/${rest[0] ?? '.'}`, steps: this.#steps, close };
    } catch (error) {
      await this.#directory?.close();
      throw error;
    }
  }

  async #start(): Promise<Entry> {
    const root = await enter('/');
    this.#path = '/';
    this.#steps.push(step('/', root.stats));
    return this.#goTo(root);
  }

  async #goTo(entry: Entry): Promise<Entry> {
    const before = this.#directory;
    this.#directory = entry;
    await before?.close();
    return entry;
  }

  /** @returns the parts that replace the name; undefined if the path ends there. */
  async #through(directory: Entry, name: string, isLast: boolean): Promise<readonly string[] | undefined> {
    const at = `${directory.at}/${name}`;
    const entry = await this.#entry(at, isLast);
    if (!entry) return undefined;
    const found = step(path.join(this.#path, name), entry.stats);
    if (found.kind === 'directory' && !isLast) {
      const isMount = await isReadOnlyMount(found, entry, directory);
      this.#steps.push(isMount ? { ...found, isReadOnlyMount: true } : found);
      this.#path = found.path;
      await this.#goTo(entry);
      return [];
    }
    await entry.close();
    if (found.kind !== 'link') {
      if (isLast) return undefined;
      throw Object.assign(new Error(`${found.path} is not a directory`), { code: 'ENOTDIR' });
    }
    this.#steps.push(found);
    this.#links += 1;
    if (this.#links > MOST_LINKS) throw Object.assign(new Error(`${found.path}: too many links`), { code: 'ELOOP' });
    const target = await readlink(at);
    if (path.isAbsolute(target)) await this.#start();
    return partsOf(target);
  }

  /** Undefined: nothing exists at the end of the path. */
  async #entry(at: string, isLast: boolean): Promise<Entry | undefined> {
    try {
      return await enter(at);
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT') throw error;
      if (isLast) return undefined;
      if (this.#options.make === undefined) throw error;
    }
    await this.#options.mayMake?.(this.#steps);
    await makeDirectory(at, this.#options.make);
    return enter(at);
  }
}

/**
 * Creates one directory, with one try. Node's recursive mkdir loops forever if the parent exists
 * but reports ENOENT, as in /proc and in mounts whose source is gone.
 */
async function makeDirectory(at: string, mode: number): Promise<void> {
  try {
    await mkdir(at, { mode });
  } catch (error) {
    // Another process was faster.
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  }
}

export interface Entry {
  /** For system calls: this file, whatever its name refers to by now. */
  readonly at: string;
  readonly stats: Stats;
  readonly close: () => Promise<void>;
}

/**
 * Missing in Node's constants. Opens without reading: needs no read permission, and does not affect
 * devices or pipes.
 */
const O_PATH = 0o10000000;

/** Holds the object that has a name now. Does not follow a link. @throws the system's error. */
export function enter(at: string): Promise<Entry> {
  return process.platform === 'linux' && existsSync('/proc/self/fd') ? enterByDescriptor(at) : enterByName(at);
}

const open = promisify(openCallback);

/**
 * Only opening it can wait for a file system. What follows takes a microsecond, while another
 * thread would take a hundred, for each step of each path.
 */
async function enterByDescriptor(at: string): Promise<Entry> {
  const descriptor = await open(at, O_PATH | constants.O_NOFOLLOW);
  let isOpen = true;
  const close = (): Promise<void> => {
    // By the second call, another file may have the number.
    if (isOpen) closeSync(descriptor);
    isOpen = false;
    return Promise.resolve();
  };
  try {
    return { at: `/proc/self/fd/${descriptor}`, stats: fstatSync(descriptor), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function enterByName(at: string): Promise<Entry> {
  return { at: at === '/' ? '' : at, stats: await lstat(at), close: () => Promise.resolve() };
}

export function step(at: string, stats: Stats): Step {
  const kind = stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'directory' : 'file';
  return { path: at, kind, uid: stats.uid, gid: stats.gid, mode: stats.mode & 0o7777 };
}

/**
 * Asked only where the mode lets others write. A kubelet mounts a ConfigMap like that.
 *
 * Only the root of the mount counts: for a service with ProtectSystem=strict, the whole host is
 * read-only, and its users write there all the same.
 */
async function isReadOnlyMount({ mode }: Step, { at }: Entry, above: Entry): Promise<boolean> {
  if ((mode & 0o022) === 0) return false;
  const isReadOnly = await access(at, constants.W_OK).then(
    () => false,
    (error: unknown) => systemCodeOf(error) === 'EROFS',
  );
  if (!isReadOnly) return false;
  const [mount, mountAbove] = await Promise.all([mountOf(at), mountOf(above.at)]);
  return mount !== undefined && mountAbove !== undefined && mount !== mountAbove;
}

/** Its number; undefined where the system does not say it. */
async function mountOf(at: string): Promise<string | undefined> {
  const info = await readFile(at.replace('/fd/', '/fdinfo/'), 'utf8').catch(() => '');
  return /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
}

function partsOf(named: string): string[] {
  return named.split(path.sep).filter((part) => part !== '' && part !== '.');
}
