import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import { digestOf } from '../spiffe/chosen-svid.ts';
import { isWorthRetrying, spiffeError } from '../spiffe/spiffe-errors.ts';
import type { Workload } from '../spiffe/spiffe-source.ts';
import type { Svids } from '../spiffe/wire.ts';

/** One call that lasts. Resolves with the reason of its end; undefined: the signal. Never rejects. */
export type ReceiveSvids = (
  workload: Workload,
  received: (svids: Svids) => void,
  signal: AbortSignal,
) => Promise<CodedError | undefined>;

export interface FollowedSvidsParts {
  /** Throws a CodedError if the socket is unknown. */
  readonly workload: () => Workload;
  readonly receive?: ReceiveSvids;
  /** Called after each change. */
  readonly changed: () => void;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** Doubled with each failure; half of it is random. */
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;

type State =
  | { readonly kind: 'starting' }
  | { readonly kind: 'received'; readonly svids: Svids; readonly digest: string }
  | { readonly kind: 'failed'; readonly fault: CodedError };

/** Holds what the agent sent last, and calls it again after each end. */
export class FollowedSvids {
  readonly #parts: FollowedSvidsParts;
  #state: State = { kind: 'starting' };
  /** Of those that wait for the first answer. */
  #waiting: (() => void)[] = [];
  #hurry: () => void = () => undefined;

  constructor(parts: FollowedSvidsParts) {
    this.#parts = parts;
  }

  /** Waits for the first answer or failure. @throws CodedError while the agent has none. */
  async latest(): Promise<{ readonly svids: Svids; readonly digest: string }> {
    if (this.#state.kind === 'starting') await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#state.kind === 'received') return this.#state;
    if (this.#state.kind === 'failed') throw this.#state.fault;
    throw spiffeError('SPIFFE_AGENT_ENDED', 'the SPIFFE agent is no longer asked');
  }

  /** Calls the agent now, if it waits. */
  retry(): void {
    this.#hurry();
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { random = Math.random } = this.#parts;
    for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      const { fault, hasReceived } = await this.#call(signal);
      if (!fault) break;
      this.#take({ kind: 'failed', fault });
      if (hasReceived) wait = FIRST_WAIT_MS;
      await this.#rest(isWorthRetrying(fault) ? wait * (0.5 + random() / 2) : Infinity, signal);
    }
    this.#settle();
  }

  async #call(signal: AbortSignal): Promise<{ readonly fault: CodedError | undefined; readonly hasReceived: boolean }> {
    const receive = this.#parts.receive ?? (await import('../spiffe/workload-api.ts')).receiveSvids;
    let hasReceived = false;
    try {
      const take = (svids: Svids): void => {
        hasReceived = true;
        this.#take({ kind: 'received', svids, digest: digestOf(svids) });
      };
      return { fault: await receive(this.#parts.workload(), take, signal), hasReceived };
    } catch (error) {
      return { fault: asCodedError(error), hasReceived };
    }
  }

  #take(state: State): void {
    this.#state = state;
    this.#settle();
    this.#parts.changed();
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    const waker = new AbortController();
    this.#hurry = () => {
      waker.abort();
    };
    signal.addEventListener('abort', this.#hurry);
    await this.#parts.clock.sleep(ms, waker.signal);
    signal.removeEventListener('abort', this.#hurry);
  }
}
