import type { Config } from '../config/config.ts';
import { ConfigInvalid } from '../config/config-errors.ts';
import { POLL_MS } from '../files/file-watcher.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { failureFields, type Log, type LogFields } from '../foundation/logger.ts';
import { SayOnce } from '../foundation/say-once.ts';

export interface ConfigReloadParts {
  /** Identifies the state of the configuration file. Never rejects. */
  readonly digest: () => Promise<string>;
  /** Reads and checks the configuration. Rejects with a CodedError. */
  readonly read: () => Promise<Config>;
  /** Rejects with a CodedError if the configuration cannot be applied. Then nothing has changed. */
  readonly apply: (config: Config) => Promise<void>;
  /** Called with the reason why the file is not in use, or with undefined when it is. */
  readonly noted: (fault: CodedError | undefined) => void;
  /** Called when a requested reload is done or has failed. */
  readonly answered?: () => Promise<void>;
  readonly log: Log;
}

/**
 * An editor may have written only half of the file, which can be valid YAML with fewer roles. So
 * the file must be unchanged for this long.
 */
const SETTLING_MS = 1_000;

const SUBJECT = 'configuration';

/**
 * Applies the configuration file again when it has changed, or on request. An invalid file changes
 * nothing except the reported fault.
 */
export class ConfigReload {
  readonly #parts: ConfigReloadParts;
  /** Digest of the content that needs no further work. */
  #settled: string | undefined;
  #seen: string | undefined;
  #isAsked = false;
  readonly #said = new SayOnce();

  /** @param before - digest of the file before it was read last. */
  constructor(parts: ConfigReloadParts, before: string) {
    this.#parts = parts;
    this.#settled = before;
    this.#seen = before;
  }

  /** The next look applies the file, even if it is unchanged. */
  ask(): void {
    this.#isAsked = true;
  }

  /** Never rejects. @returns milliseconds until the next look. */
  async look(): Promise<number> {
    const digest = await this.#parts.digest();
    const isSame = digest === this.#seen;
    this.#seen = digest;
    if (!this.#isAsked && digest === this.#settled) return POLL_MS;
    if (!this.#isAsked && !isSame) return SETTLING_MS;
    await this.#apply(digest);
    return POLL_MS;
  }

  async #apply(digest: string): Promise<void> {
    const wasAsked = this.#isAsked;
    if (wasAsked) this.#said.clear(SUBJECT);
    this.#isAsked = false;
    this.#settled = digest;
    try {
      await this.#parts.apply(await this.#parts.read());
      this.#said.clear(SUBJECT);
      this.#parts.noted(undefined);
    } catch (error) {
      const fault = asCodedError(error);
      // An address or a descriptor may become free without a change of the file.
      if (fault.kind === 'transient' || fault.kind === 'defect') this.#settled = undefined;
      this.#parts.noted(fault);
      this.#say(fault);
    }
    if (wasAsked) await this.#parts.answered?.();
  }

  #say(fault: CodedError): void {
    if (!this.#said.isNews(SUBJECT, `${fault.code} ${fault.message}`)) return;
    this.#parts.log('error', 'configuration rejected; keeping the current one', {
      ...failureFields(fault),
      ...(fault instanceof ConfigInvalid && { problems: fault.problems.map(problemFields) }),
    });
  }
}

function problemFields({ key, place, error }: ConfigInvalid['problems'][number]): LogFields {
  return { key, place, ...failureFields(error) };
}
