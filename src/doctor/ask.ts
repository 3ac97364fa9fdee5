import { messageOf } from '../foundation/errors.ts';

export interface LocalAnswer {
  readonly status: number;
  /** Of the Server header. */
  readonly server: string;
  readonly body: string;
}

/** A daemon answers from memory. Before its first session it takes up to a quarter of a second. */
const DEADLINE_MS = 3_000;

/** Asks an endpoint of this machine like an SDK. @returns the reason as text if there is no answer. */
export async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  method: 'GET' | 'PUT' = 'GET',
): Promise<LocalAnswer | string> {
  try {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const answer = await fetch(url, { method, headers, signal, redirect: 'manual' });
    return { status: answer.status, server: answer.headers.get('server') ?? '', body: await answer.text() };
  } catch (error) {
    return messageOf(error instanceof Error && error.cause instanceof Error ? error.cause : error);
  }
}
