import { CodedError } from '../foundation/errors.ts';

/**
 * When trying again can help:
 * - `soon`: the network or the service had a bad moment.
 * - `throttled`: the account's 10 calls a second are used up; everyone must slow down.
 * - `slow`: the request was refused. Configuration or IAM has to change first, which takes people, so ask rarely but for ever.
 */
export type Retry = 'soon' | 'throttled' | 'slow';

/** Why an exchange gave no role session; its `code` is one of docs/errors.md. */
export class ExchangeFailure extends CodedError {
  readonly retry: Retry;
  /** The service's own request id, to be quoted in a support case. */
  readonly requestId: string | undefined;
  /** From Retry-After: not before so many milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    error: CodedError,
    details: {
      readonly retry: Retry;
      readonly requestId?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    },
  ) {
    super(error.code, error.message, error.remedy, error.cause, error.kind);
    this.retry = details.retry;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
  }
}
