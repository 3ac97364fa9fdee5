import type { IdentityConfig } from '../config/config.ts';
import { FileWatcher, type WatchFiles } from '../files/file-watcher.ts';
import { digestInTime } from '../files/files-digest.ts';
import type { Clock } from '../foundation/clock.ts';
import type { CodedError } from '../foundation/errors.ts';
import type { Log } from '../foundation/logger.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { isSvid, workloadOf } from '../spiffe/spiffe-source.ts';
import { FollowedSvids } from './followed-svids.ts';
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
    this.#files.nudge();
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
  readonly #watcher: FileWatcher;
  readonly #stopping = new AbortController();
  readonly #svids: FollowedSvids | undefined;
  #running: Promise<unknown> | undefined;

  constructor(config: IdentityConfig, { held, readIdentity, watch, environment, clock, log }: WatchedIdentityParts) {
    const { signal } = this.#stopping;
    const paths = watchedFiles(config, environment);
    const files = digestInTime(paths, clock);
    const svids = (this.#svids = this.#followed(config, { environment, clock }));
    const reload = new IdentityReload({
      digest: svids ? async () => `${(await svids.latest()).digest} ${await files()}` : files,
      load: () => readIdentity(config, { now: clock.now(), environment, ...(svids && latest(svids)) }, signal),
      accept: (loaded) => {
        if (!signal.aborted) held.offer(loaded);
      },
      clock,
      log,
    });
    this.reload = reload;
    this.#watcher = new FileWatcher({ paths, check: () => reload.look(), watch, clock, log });
  }

  start(): void {
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.#svids?.run(signal), this.#watcher.run(signal)]);
  }

  nudge(): void {
    this.#svids?.retry();
    this.#watcher.nudge();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Undefined: certificate and key are not from a SPIFFE agent. */
  #followed(
    config: IdentityConfig,
    { environment, clock }: Pick<WatchedIdentityParts, 'environment' | 'clock'>,
  ): FollowedSvids | undefined {
    const { certificate } = config;
    if (!isSvid(certificate)) return undefined;
    return new FollowedSvids({
      workload: () => workloadOf(certificate, config, environment),
      changed: () => {
        this.#watcher.nudge();
      },
      clock,
    });
  }
}

function latest(svids: FollowedSvids): Pick<LoadContext, 'svids'> {
  return { svids: async () => (await svids.latest()).svids };
}

function watchedFiles(config: IdentityConfig, environment: Environment): readonly string[] {
  const contents = identityFiles(config, environment).filter(({ use }) => use === 'content');
  return [...new Set(contents.map(({ file }) => file))];
}
