import type { Clock } from '../foundation/clock.ts';
import { asCodedError } from '../foundation/errors.ts';
import { KeyFailure } from '../keys/key-errors.ts';
import { clockError } from './clock-offset.ts';
import { ExchangeFailure, type Retry } from './exchange-failure.ts';
import type { RoleSession } from './role-session.ts';
import { type HttpAnswer, type HttpRequest, requestIdOf, type Send } from './send.ts';

/** What differs between CreateSession and AssumeRole. Times are milliseconds since the epoch. */
export interface Operation {
  readonly request: (now: number) => Promise<HttpRequest>;
  /** @throws CodedError if the answer is unusable. */
  readonly session: (answer: HttpAnswer, now: number) => RoleSession;
  readonly refusal: (answer: HttpAnswer, now: number) => ExchangeFailure;
}

export interface ExchangeMeans {
  readonly clock: Pick<Clock, 'now'>;
  readonly send: Send;
}

/** Sends one signed request, without retries. Rejects only with an {@link ExchangeFailure}. */
export async function exchange(
  { request, session, refusal }: Operation,
  { clock, send }: ExchangeMeans,
  signal: AbortSignal,
): Promise<RoleSession> {
  // 'slow': a problem before anything was sent needs a change by people. 'soon': the network and
  // the service recover by themselves.
  const signed = await failing('slow', () => request(clock.now()));
  const answer = await failing('soon', () => send(signed, signal));
  const now = clock.now();
  // CreateSession sends 201, AssumeRole 200; the AWS helper accepts any 2xx.
  if (answer.status < 200 || answer.status > 299) throw refusal(answer, now);
  try {
    return session(answer, now);
  } catch (error) {
    const unusable = asCodedError(error);
    const clockIsOff = ABOUT_TIME.test(unusable.code) ? clockError(answer, now, unusable.message) : undefined;
    throw new ExchangeFailure(clockIsOff ?? unusable, { retry: 'soon', requestId: requestIdOf(answer) });
  }
}

const ABOUT_TIME = /_ANSWER_(?:EXPIRED|TOO_LONG)$/;

async function failing<T>(retry: Retry, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    // The key source knows best whether signing can succeed soon.
    throw new ExchangeFailure(asCodedError(error), { retry: error instanceof KeyFailure ? error.retry : retry });
  }
}
