import { POLL_MS } from '../files/file-watcher.ts';
import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';
import type { LoadedIdentity, SigningIdentity } from './signing-identity.ts';

export interface ReloadParts {
  /** Identifies the state of the files. Rejects with a CodedError if they cannot be read in time. */
  readonly digest: () => Promise<string>;
  /** Reads the files and proves the pair. Rejects with a CodedError. */
  readonly load: () => Promise<LoadedIdentity>;
  /** Receives the proven identity. */
  readonly accept: (loaded: LoadedIdentity) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * An invalid set may still be incomplete: for this long it is checked every second, and nothing is
 * logged.
 */
const QUIET_MS = 10_000;
const QUIET_LOOK_MS = 1_000;

const SUBJECT = 'files';

/** The same files may become valid, when certificates begin or the clock is set … */
const REREAD_FAULTY_MS = 5 * 60_000;
/** … or cause new warnings, when certificates are about to expire. */
const REREAD_GOOD_MS = 24 * 60 * 60_000;

/** The result of the last reading of the files. */
interface Reading {
  readonly digest: string;
  readonly at: number;
  readonly goodFor: number;
  readonly fault: CodedError | undefined;
}

/**
 * Reads certificate, chain and key again when their content has changed. Passes on only proven
 * identities.
 */
export class IdentityReload {
  readonly #parts: ReloadParts;
  #last: Reading | undefined;
  #loading: Promise<SigningIdentity> | undefined;
  #faultySince: number | undefined;
  readonly #said = new SayOnce();
  #fault: CodedError | undefined;

  constructor(parts: ReloadParts) {
    this.#parts = parts;
  }

  /** Why the files on disk are not used. */
  get fault(): CodedError | undefined {
    return this.#fault;
  }

  /** Reads now, even if nothing has changed; never twice at the same time. @throws CodedError */
  load(): Promise<SigningIdentity> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** Reads changed files. Never rejects. @returns milliseconds until the next look. */
  async look(): Promise<number> {
    const fault = (this.#fault = await this.#currentFault());
    if (!fault) return this.#right();
    const text = `${fault.code} ${fault.message}`;
    if (!this.#said.isKnown(SUBJECT, text) && this.#mayBeUnfinished()) return QUIET_LOOK_MS;
    if (this.#said.isNews(SUBJECT, text)) this.#parts.log('warn', 'certificate and key rejected', failureFields(fault));
    return this.#restUntilChange();
  }

  #right(): number {
    if (this.#said.clear(SUBJECT)) this.#parts.log('info', 'certificate and key are valid again');
    return this.#restUntilChange();
  }

  #mayBeUnfinished(): boolean {
    const now = this.#parts.clock.monotonic();
    this.#faultySince ??= now;
    return now - this.#faultySince < QUIET_MS;
  }

  #restUntilChange(): number {
    this.#faultySince = undefined;
    return POLL_MS;
  }

  async #currentFault(): Promise<CodedError | undefined> {
    try {
      const digest = await this.#parts.digest();
      if (this.#last?.digest === digest && this.#isFresh(this.#last)) return this.#last.fault;
      await this.load();
      return undefined;
    } catch (error) {
      return asCodedError(error);
    }
  }

  /** A step of the clock in either direction ends it too. */
  #isFresh({ at, goodFor }: Reading): boolean {
    return Math.abs(this.#parts.clock.now() - at) < goodFor;
  }

  /** Compute the digest first: the next look finds anything written after it. */
  async #load(): Promise<SigningIdentity> {
    const { digest, load, accept, clock } = this.#parts;
    const reading = { digest: await digest(), at: clock.now() };
    try {
      const loaded = await load();
      this.#last = { ...reading, goodFor: freshness(loaded.identity), fault: undefined };
      accept(loaded);
      return loaded.identity;
    } catch (error) {
      const fault = asCodedError(error);
      this.#last = { ...reading, goodFor: REREAD_FAULTY_MS, fault };
      throw fault;
    }
  }
}

function freshness({ notBefore, notAfter }: SigningIdentity): number {
  return Math.min((notAfter - notBefore) / 20, REREAD_GOOD_MS);
}
