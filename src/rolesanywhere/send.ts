export interface HttpRequest {
  readonly url: string;
  readonly method: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Lowercase names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Brings one request over and its answer back, whatever the status. Rejects with a CodedError that says what went wrong on the way. */
export type Send = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/** The service's own id of a call; without one, something else answered. */
export function requestIdOf({ headers }: Pick<HttpAnswer, 'headers'>): string | undefined {
  const id = headers['x-amzn-requestid'];
  return id !== undefined && /^[\w-]{1,100}$/.test(id) ? id : undefined;
}
