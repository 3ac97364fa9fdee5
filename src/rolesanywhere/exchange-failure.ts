import { CodedError } from '../foundation/errors.ts';

/**
 * When a retry can help:
 * - `soon`: a temporary failure of the network or the service.
 * - `throttled`: the account's 10 calls per second are used up, and every host must slow down.
 * - `slow`: the service refused the request. People must change the configuration or IAM first, so
 *   retry rarely, but forever.
 */
export type Retry = 'soon' | 'throttled' | 'slow';

/** The calls that grant role sessions. */
export type OperationName = 'CreateSession' | 'AssumeRole';

interface FailureDetails {
  readonly retry: Retry;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly operation?: OperationName | undefined;
}

/** Why an exchange returned no role session. Its `code` is listed in docs/errors.md. */
export class ExchangeFailure extends CodedError {
  readonly retry: Retry;
  /** The request id of the service, for a support case. */
  readonly requestId: string | undefined;
  /** From Retry-After: milliseconds to wait at least. */
  readonly retryAfterMs: number | undefined;
  /** The call that failed; undefined: none was made. */
  readonly operation: OperationName | undefined;

  constructor(error: CodedError, details: FailureDetails) {
    super(error.code, error.message, error.remedy, error.cause, error.kind);
    this.retry = details.retry;
    this.requestId = details.requestId;
    this.retryAfterMs = details.retryAfterMs;
    this.operation = details.operation;
  }

  /** The same failure with other details. */
  with(changed: Partial<FailureDetails>): ExchangeFailure {
    const { retry, requestId, retryAfterMs, operation } = this;
    return new ExchangeFailure(this, { retry, requestId, retryAfterMs, operation, ...changed });
  }
}
