import { headerText, jsonReply, type WireReply } from './wire-reply.ts';

export type ErrorType =
  | 'AccessDeniedException'
  | 'ValidationException'
  | 'SerializationException'
  | 'UnknownOperationException'
  | 'RequestEntityTooLargeException';

const STATUS: Readonly<Record<ErrorType, number>> = {
  AccessDeniedException: 403,
  ValidationException: 400,
  SerializationException: 400,
  UnknownOperationException: 404,
  RequestEntityTooLargeException: 413,
};

/**
 * Why a call is turned down. `message` is for the caller, in the service's words where they are known; `detail` says what
 * was really wrong, which the service never tells.
 */
export class Refusal extends Error {
  readonly type: ErrorType;
  readonly detail: string;
  /** Whether the wording was documented or seen live; otherwise it is the emulator's own. */
  readonly verified: boolean;

  constructor(type: ErrorType, message: string, detail: string, verified: boolean) {
    super(message);
    this.type = type;
    this.detail = detail;
    this.verified = verified;
  }

  get status(): number {
    return STATUS[this.type];
  }
}

/** A refusal in words that were seen from the service. */
export function denied(message: string, detail: string): Refusal {
  return new Refusal('AccessDeniedException', message, detail, true);
}

/** A refusal for which the service's words are not known. */
export function deniedInOwnWords(message: string, detail: string): Refusal {
  return new Refusal('AccessDeniedException', message, detail, false);
}

/** Live answers have only `message` in the body; the code rides in the header. */
export function refusalReply(refusal: Refusal): WireReply {
  return jsonReply(
    refusal.status,
    { message: refusal.message },
    {
      'X-Amzn-ErrorType': refusal.type,
      'x-emulator-detail': headerText(refusal.detail),
      ...(refusal.verified ? {} : { 'x-emulator-unverified': 'wording' }),
    },
  );
}
