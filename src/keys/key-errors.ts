import { CodedError, errorFactory } from '../foundation/errors.ts';

export const keyErrors = {
  SIGNATURE_FAILED:
    'Check the key with `imds-anywhere check-config`, which signs with it once. Read the cause in the log.',
} as const;

type KeyErrorCode = keyof typeof keyErrors;

const keyError = errorFactory(keyErrors);

/**
 * A key that did not sign. It says itself when a retry can help: a token that is busy or unplugged is asked again `soon`; what
 * people have to fix, such as a wrong PIN, is asked rarely (`slow`).
 */
export class SignatureFailure extends CodedError {
  readonly retry: 'soon' | 'slow';

  constructor(
    code: KeyErrorCode,
    message: string,
    details: { readonly retry: 'soon' | 'slow'; readonly cause?: unknown },
  ) {
    super(code, message, keyError(code, message).remedy, details.cause);
    this.retry = details.retry;
  }
}
