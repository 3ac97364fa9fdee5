export interface HttpRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Lowercase names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends one request and returns its answer, whatever the status. Rejects with a CodedError for
 * network failures.
 */
export type Send = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** The service's id of a call. Without it, something other than the service answered. */
export function requestIdOf({ headers }: Pick<HttpAnswer, 'headers'>): string | undefined {
  const id = headers['x-amzn-requestid'];
  return id !== undefined && /^[\w-]{1,100}$/.test(id) ? id : undefined;
}
