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
 * Why a call is refused. `message` is for the caller, in the service's words if they are known.
 * `detail` is the actual reason, which the service never reveals.
 */
export class Refusal extends Error {
  readonly type: ErrorType;
  readonly detail: string;
  /** Whether the wording was documented or observed. Otherwise it is the emulator's own. */
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

/** A refusal with the observed words of the service. */
export function denied(message: string, detail: string): Refusal {
  return new Refusal('AccessDeniedException', message, detail, true);
}

/** A refusal for which the service's words are unknown. */
export function deniedInOwnWords(message: string, detail: string): Refusal {
  return new Refusal('AccessDeniedException', message, detail, false);
}

/** Real answers have only `message` in the body; the code is in the header. */
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
