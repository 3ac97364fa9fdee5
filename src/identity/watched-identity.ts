import type { IdentityConfig } from '../config/config.ts';
import { FileWatcher, type WatchFiles } from '../files/file-watcher.ts';
import { digestInTime } from '../files/files-digest.ts';
import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { identityFiles } from './identity-files.ts';
import { IdentityReload } from './identity-reload.ts';
import type { LoadContext } from './load-identity.ts';
import type { LoadedIdentity, SigningIdentity } from './signing-identity.ts';

/** Reads the files of an identity and proves the pair. Rejects with a CodedError. */
export type ReadIdentity = (
  config: IdentityConfig,
  context: LoadContext,
  signal: AbortSignal,
) => Promise<LoadedIdentity>;

/** Decides about identities that were read. */
export interface HeldIdentity {
  /** The one to use; undefined if there is none or it has expired. */
  current(): SigningIdentity | undefined;
  /** Receives the identity that is on disk now. */
  offer(loaded: LoadedIdentity): void;
}

export interface WatchedIdentityParts {
  readonly held: HeldIdentity;
  readonly readIdentity: ReadIdentity;
  readonly watch: WatchFiles;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly log: Log;
}

/** The current identity and its files, which a new configuration may change. */
export class WatchedIdentity {
  readonly #parts: WatchedIdentityParts;
  #files: WatchedFiles;

  constructor(config: IdentityConfig, parts: WatchedIdentityParts) {
    this.#parts = parts;
    this.#files = new WatchedFiles(config, parts);
  }

  /** The current identity. Reads the files only if there is none. @throws CodedError */
  async current(): Promise<SigningIdentity> {
    const files = this.#files;
    try {
      return this.#parts.held.current() ?? (await files.reload.load());
    } catch (error) {
      if (files !== this.#files) return this.current();
      throw error;
    }
  }

  /** Why the files on disk are not used. */
  get fault(): CodedError | undefined {
    return this.#files.reload.fault;
  }

  start(): void {
    this.#files.start();
  }

  /** A hint that the files have changed. */
  nudge(): void {
    this.#files.watcher.nudge();
  }

  /** Uses other files from now on. The current identity stays until they yield another one. */
  async replace(config: IdentityConfig): Promise<void> {
    const previous = this.#files;
    this.#files = new WatchedFiles(config, this.#parts);
    this.#files.start();
    await previous.stop();
  }

  async stop(): Promise<void> {
    await this.#files.stop();
  }
}

class WatchedFiles {
  readonly reload: IdentityReload;
  readonly watcher: FileWatcher;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(config: IdentityConfig, { held, readIdentity, watch, environment, clock, log }: WatchedIdentityParts) {
    const { signal } = this.#stopping;
    const paths = watchedFiles(config, environment);
    const reload = new IdentityReload({
      digest: digestInTime(paths, clock),
      load: () => readIdentity(config, { now: clock.now(), environment }, signal),
      accept: (loaded) => {
        if (!signal.aborted) held.offer(loaded);
      },
      clock,
      log,
    });
    this.reload = reload;
    this.watcher = new FileWatcher({ paths, check: () => reload.look(), watch, clock, log });
  }

  start(): void {
    this.#running = this.watcher.run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }
}

function watchedFiles(config: IdentityConfig, environment: Environment): readonly string[] {
  const contents = identityFiles(config, environment).filter(({ use }) => use === 'content');
  return [...new Set(contents.map(({ file }) => file))];
}
