import type { CodedError } from '../foundation/errors.ts';

/** A failure in the terms of docs/errors.md. */
export interface FailureStatus {
  readonly code: string;
  readonly error: string;
  readonly remedy: string;
}

export function failureStatus({ code, message, remedy }: CodedError): FailureStatus {
  return { code, error: message, remedy };
}
