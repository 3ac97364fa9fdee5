import type { Clock } from '../foundation/clock.ts';
import { asCodedError, CodedError, messageOf } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import { type KeySet, readKeySet } from './key-set.ts';
import { kubernetesError } from './kubernetes-errors.ts';

/** Reads the key set of the cluster, as text. */
export type ReadKeys = (signal: AbortSignal) => Promise<string>;

/** The last good key set, which outlives the process. */
export interface KeptKeys {
  /** Undefined if there is none. Never rejects. */
  read(): Promise<string | undefined>;
  write(text: string): void;
}

export interface ClusterKeysParts {
  readonly read: ReadKeys;
  /** Absent: nothing is stored. */
  readonly kept?: KeptKeys | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Removed keys are out of use after this time. The server allows an hour. */
const REFRESH_MS = 5 * 60_000;
/** Unknown keys must not make every request of every pod a call to the API server. */
const PAUSE_MS = 30_000;

/**
 * The keys of a cluster. Reads them again regularly, and earlier for an unknown key. Known keys
 * stay in use while the cluster cannot be reached: otherwise an API server that is away for minutes
 * would lock out all pods.
 */
export class ClusterKeys {
  readonly #parts: ClusterKeysParts;
  readonly #stopping = new AbortController();
  #ended: Promise<void> | undefined;
  #text = '';
  #current: KeySet | undefined;
  #triedAt = -Infinity;
  #reading: Promise<void> | undefined;
  #fault: CodedError | undefined;
  readonly #said = new SayOnce();

  constructor(parts: ClusterKeysParts) {
    this.#parts = parts;
  }

  /** Another object for each change. Undefined until the first key set. */
  get current(): KeySet | undefined {
    return this.#current;
  }

  /** Why the last reading failed. */
  get fault(): CodedError | undefined {
    return this.#fault;
  }

  start(): void {
    this.#ended ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
    await this.#reading;
  }

  /** Reads the keys, at most once in 30 seconds whatever the result is. Never rejects. */
  renew(): Promise<void> {
    const now = this.#parts.clock.now();
    // A difference of either sign: a clock set back must not stop the reading.
    const isSoon = Math.abs(now - this.#triedAt) < PAUSE_MS;
    if (this.#reading || isSoon) return this.#reading ?? Promise.resolve();
    this.#triedAt = now;
    this.#reading = this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #run(): Promise<void> {
    const { clock, kept } = this.#parts;
    const { signal } = this.#stopping;
    const stored = await kept?.read();
    if (stored !== undefined) this.#useStored(stored);
    while (!signal.aborted) {
      await this.renew();
      await clock.sleep(this.#fault ? PAUSE_MS : REFRESH_MS, signal);
    }
  }

  #useStored(text: string): void {
    try {
      this.#use(text);
    } catch {
      // Read from the cluster instead.
    }
  }

  async #read(): Promise<void> {
    try {
      const text = await this.#parts.read(this.#stopping.signal);
      if (this.#use(text)) this.#parts.kept?.write(text);
      this.#fault = undefined;
      if (this.#said.clearAll()) this.#parts.log('info', 'cluster keys read again');
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    const fault =
      error instanceof CodedError && error.code.startsWith('CLUSTER_KEYS')
        ? error
        : kubernetesError(
            'CLUSTER_KEYS_UNAVAILABLE',
            `cannot read the keys of the cluster: ${messageOf(error)}`,
            asCodedError(error),
          );
    this.#fault = fault;
    if (this.#said.isNews('keys', fault.message))
      this.#parts.log('warn', 'cluster keys not read', failureFields(fault));
  }

  /** @returns whether they changed. @throws CodedError CLUSTER_KEYS_INVALID */
  #use(text: string): boolean {
    if (text === this.#text) return false;
    this.#current = readKeySet(text);
    this.#text = text;
    this.#parts.log('info', 'cluster keys in use', { keys: [...this.#current.keys()] });
    return true;
  }
}
