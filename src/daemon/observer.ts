import type { Answered } from '../endpoints/answer.ts';
import type { Signature } from '../keys/observed-signer.ts';
import type { Exchange } from '../sessions/observed-exchange.ts';

/** Who is told of what happens at the two ends of the daemon. */
export interface Observer {
  readonly exchanged: (role: string, exchange: Exchange) => void;
  readonly signed?: (signature: Signature) => void;
  readonly answered: (at: { readonly role: string; readonly endpoint: string }, answer: Answered) => void;
}

/** One who passes everything on to all of them. */
export function allOf(observers: readonly Observer[]): Required<Observer> {
  return {
    exchanged: (...told) => {
      for (const { exchanged } of observers) exchanged(...told);
    },
    signed: (signature) => {
      for (const { signed } of observers) signed?.(signature);
    },
    answered: (...told) => {
      for (const { answered } of observers) answered(...told);
    },
  };
}
