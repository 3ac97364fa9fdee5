import type { Answer, Answered } from '../endpoints/answer.ts';
import type { EndpointKind } from '../endpoints/listener.ts';
import type { EndpointRequest } from '../endpoints/request.ts';
import type { Signature } from '../keys/observed-signer.ts';
import type { Exchange } from '../sessions/observed-exchange.ts';

/** Observers of events at both ends of the daemon. */
export interface Observer {
  readonly exchanged: (role: string, exchange: Exchange) => void;
  readonly signed?: (signature: Signature) => void;
  readonly answered: (at: { readonly role: string; readonly endpoint: string }, answer: Answered) => void;
}

/** Passes every event on to all of them. */
export interface Observers {
  readonly exchanged: Observer['exchanged'];
  readonly signed: NonNullable<Observer['signed']>;
  readonly answered: (endpoint: EndpointKind, role: string, request: EndpointRequest, answer: Answer) => void;
}

/** @param observers - read for each event. An absent observer costs nothing. */
export function allOf(observers: readonly Observer[]): Observers {
  return {
    exchanged: (role, exchange) => {
      for (const { exchanged } of observers) exchanged(role, exchange);
    },
    signed: (signature) => {
      for (const { signed } of observers) signed?.(signature);
    },
    answered: (endpoint, role, request, { status, outcome }) => {
      if (observers.length === 0) return;
      const told = { request, status, ...outcome };
      for (const { answered } of observers) answered({ role, endpoint }, told);
    },
  };
}
