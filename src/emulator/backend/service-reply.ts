/** Errors in the words and form of the service that was called. */
import { s3ErrorReply } from '../s3.ts';
import { SkewedSignature } from '../signature/hmac-authorization.ts';
import { StsError, stsErrorReply } from '../sts-answer.ts';
import { headerText, type WireReply } from '../wire-reply.ts';
import { onlyHeader, type WireHead } from '../wire-request.ts';

export interface Called {
  readonly head: WireHead;
  /** The signing name. */
  readonly service: string;
}

type Wording = readonly [code: string, status: number, message?: string];

const SIGNATURE_ERRORS: Readonly<Record<string, { readonly s3: Wording; readonly json: Wording }>> = {
  MissingAuthenticationToken: {
    s3: ['AccessDenied', 403, 'Access Denied'],
    json: ['MissingAuthenticationTokenException', 400],
  },
  IncompleteSignature: {
    s3: ['AuthorizationHeaderMalformed', 400],
    json: ['IncompleteSignatureException', 400],
  },
  InvalidClientTokenId: {
    s3: ['InvalidAccessKeyId', 403, 'The AWS Access Key Id you provided does not exist in our records.'],
    json: ['UnrecognizedClientException', 400],
  },
  SignatureDoesNotMatch: { s3: ['SignatureDoesNotMatch', 403], json: ['InvalidSignatureException', 400] },
  ExpiredToken: {
    s3: ['ExpiredToken', 400, 'The provided token has expired.'],
    json: ['ExpiredTokenException', 400],
  },
  AccessDenied: { s3: ['AccessDenied', 403], json: ['AccessDeniedException', 400] },
};

/** What S3 says of a moment too far from its own, in a link and in a header. */
const SKEW_AT_S3: Readonly<Record<'link' | 'header', Wording>> = {
  link: ['AccessDenied', 403, 'Request has expired'],
  header: ['RequestTimeTooSkewed', 403, 'The difference between the request time and the current time is too large.'],
};

/** HEAD has no body. Then clients have only the status. */
export function serviceErrorReply(error: StsError, called: Called, requestId: string): WireReply {
  const reply = replyInForm(error, called, requestId);
  return called.head.method === 'HEAD' ? { ...reply, body: '' } : reply;
}

function replyInForm(error: StsError, { head, service }: Called, requestId: string): WireReply {
  const isJson = onlyHeader(head, 'x-amz-target') !== undefined;
  const wording = service === 's3' ? s3Wording(error, head) : SIGNATURE_ERRORS[error.code]?.json;
  if (service !== 's3' && !isJson) return stsErrorReply(error, requestId);
  const [code, status, message = error.message] = wording ?? [error.code, error.status];
  const worded = new StsError(code, status, message, error.detail);
  return service === 's3' ? s3ErrorReply(worded, requestId) : jsonErrorReply(worded, { head, service });
}

function s3Wording(error: StsError, head: WireHead): Wording | undefined {
  if (error instanceof SkewedSignature)
    return SKEW_AT_S3[onlyHeader(head, 'authorization') === undefined ? 'link' : 'header'];
  return SIGNATURE_ERRORS[error.code]?.s3;
}

/** Some services write a type with its name space. SQS also repeats the code of its old protocol. */
function jsonErrorReply({ code, status, message, detail }: StsError, { head, service }: Called): WireReply {
  const isOld = service === 'sqs' || service === 'dynamodb';
  const isDenial = code === 'AccessDeniedException';
  return {
    status: service === 'sqs' && isDenial ? 403 : status,
    headers: {
      'Content-Type': onlyHeader(head, 'content-type') ?? 'application/x-amz-json-1.1',
      ...(service === 'sqs' && isDenial && { 'x-amzn-query-error': 'AccessDenied;Sender' }),
      'x-emulator-detail': headerText(detail),
    },
    body: JSON.stringify({ __type: isOld ? `com.amazon.coral.service#${code}` : code, Message: message }),
  };
}
