import type { Clock } from '../foundation/clock.ts';
import { asCodedError, type CodedError } from '../foundation/errors.ts';
import type { Signer } from './signer.ts';
import type { KeyMaterial } from './signing-key.ts';

/** One signature and its outcome, for status and metrics. */
export interface Signature {
  readonly source: KeyMaterial['kind'];
  /** From the request to the answer, including the time in a queue. */
  readonly durationMs: number;
  /** Undefined: it succeeded. */
  readonly failure: CodedError | undefined;
}

/** Reports every signature, except one that its caller gave up. */
export function observedSigner(
  sign: Signer,
  report: (signature: Signature) => void,
  clock: Pick<Clock, 'monotonic'>,
): Signer {
  return async (key, message, signal) => {
    const begun = clock.monotonic();
    const ended = (failure?: CodedError): void => {
      report({ source: key.key.kind, durationMs: clock.monotonic() - begun, failure });
    };
    try {
      const signature = await sign(key, message, signal);
      ended();
      return signature;
    } catch (error) {
      if (!signal.aborted) ended(asCodedError(error));
      throw error;
    }
  };
}

/** Times are milliseconds since the epoch. */
export interface LastSignatures {
  readonly made: { readonly at: number; readonly durationMs: number } | undefined;
  readonly failed: { readonly at: number; readonly failure: CodedError } | undefined;
}

/** Remembers the last successful signature, and the last failed one. */
export class SignatureRecord {
  readonly #now: () => number;
  #last: LastSignatures = { made: undefined, failed: undefined };

  constructor(clock: Pick<Clock, 'now'>) {
    this.#now = () => clock.now();
  }

  get last(): LastSignatures {
    return this.#last;
  }

  note({ durationMs, failure }: Signature): void {
    const at = this.#now();
    this.#last = failure ? { ...this.#last, failed: { at, failure } } : { ...this.#last, made: { at, durationMs } };
  }
}
