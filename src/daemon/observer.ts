import type { Answered } from '../endpoints/answer.ts';
import type { Exchange } from '../sessions/observed-exchange.ts';

/** Who is told of what happens at the two ends of the daemon. */
export interface Observer {
  readonly exchanged: (role: string, exchange: Exchange) => void;
  readonly answered: (at: { readonly role: string; readonly endpoint: string }, answer: Answered) => void;
}

/** One who passes everything on to all of them. */
export function allOf(observers: readonly Observer[]): Observer {
  return {
    exchanged: (...told) => {
      for (const { exchanged } of observers) exchanged(...told);
    },
    answered: (...told) => {
      for (const { answered } of observers) answered(...told);
    },
  };
}
