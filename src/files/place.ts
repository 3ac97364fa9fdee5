// The way to a file, one step at a time, each below the open directory of the step before. Whatever others rename or replace above it
// meanwhile, what follows works in the directory that was looked at.
//
// This needs O_PATH and /proc/self/fd of Linux. Elsewhere (macOS, or Linux without /proc) the steps are taken by name: the rules of
// trust.ts still hold, but a race between two steps is not closed.

import { constants, existsSync, type Stats } from 'node:fs';
import { lstat, mkdir, open, readlink } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../foundation/errors.ts';

/** What stands at one step of the way. */
export interface Step {
  readonly path: string;
  readonly kind: 'directory' | 'link' | 'file';
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface Place {
  /** For system calls: the open directory. */
  readonly directory: string;
  /** For system calls: the file in it, `.` for a place that is a directory. */
  readonly file: string;
  /** From the root to the directory; the file itself is not among them, unless links to it were followed. */
  readonly steps: readonly Step[];
  readonly close: () => Promise<void>;
}

export interface PlaceOptions {
  /** Where a link stands at the end: go on to what it leads to. */
  readonly followLast?: boolean;
  /** Make directories that are missing, with this mode. */
  readonly make?: number;
  /** Called before a directory is made; throws where it must not be. */
  readonly mayMake?: (steps: readonly Step[]) => Promise<void>;
  /** Gets the steps as they are taken, for a way that ends early. */
  readonly steps?: Step[];
}

/** @throws the system's error. */
export function openPlace(named: string, options: PlaceOptions = {}): Promise<Place> {
  return new Way(options).to(partsOf(path.resolve(named)));
}

/** The place that is a directory. @throws the system's error. */
export function openDirectory(named: string, options: PlaceOptions = {}): Promise<Place> {
  return new Way(options).to([...partsOf(path.resolve(named)), '.']);
}

/** As path_resolution(7) has it. */
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
      for (let name = rest[0]; name !== undefined && name !== '.'; name = rest[0]) {
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

  /** @returns what takes the place of the name, and undefined where the way ends at it. */
  async #through(directory: Entry, name: string, isLast: boolean): Promise<readonly string[] | undefined> {
    const at = `${directory.at}/${name}`;
    const entry = await this.#entry(at, isLast);
    if (!entry) return undefined;
    const found = step(path.join(this.#path, name), entry.stats);
    if (found.kind === 'directory' && !isLast) {
      this.#steps.push(found);
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

  /** Undefined: there is nothing, at the end of the way. */
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
 * One directory, once. Node's own recursive mkdir tries for ever where the parent is there and says ENOENT, as /proc and mounts whose
 * source is gone do.
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
  /** For system calls: this very file, whatever its name stands for by now. */
  readonly at: string;
  readonly stats: Stats;
  readonly close: () => Promise<void>;
}

/** Not among Node's constants. Opens without reading: no right to read is needed, and no device or pipe notices. */
const O_PATH = 0o10000000;

/** Holds on to what has a name now; a link is not followed. @throws the system's error. */
export function enter(at: string): Promise<Entry> {
  return process.platform === 'linux' && existsSync('/proc/self/fd') ? enterByDescriptor(at) : enterByName(at);
}

async function enterByDescriptor(at: string): Promise<Entry> {
  const handle = await open(at, O_PATH | constants.O_NOFOLLOW);
  try {
    return { at: `/proc/self/fd/${handle.fd}`, stats: await handle.stat(), close: () => handle.close() };
  } catch (error) {
    await handle.close();
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

function partsOf(named: string): string[] {
  return named.split(path.sep).filter((part) => part !== '' && part !== '.');
}
