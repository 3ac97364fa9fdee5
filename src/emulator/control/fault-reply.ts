import { s3ErrorReply } from '../s3.ts';
import { element, StsError, stsErrorReply, xml } from '../sts-answer.ts';
import { jsonReply, type WireReply } from '../wire-reply.ts';
import type { Fault, Operation } from './faults.ts';

/**
 * Error codes of the two services. Throttling by Roles Anywhere was never observed, so its code is
 * that of other services.
 */
const ERRORS: Readonly<Record<number, readonly [rest: string, query: string, message: string]>> = {
  400: ['ValidationException', 'ValidationError', 'Bad request'],
  403: ['AccessDeniedException', 'AccessDenied', 'Access denied'],
  404: ['ResourceNotFoundException', 'NotFound', 'Not found'],
  429: ['ThrottlingException', 'Throttling', 'Rate exceeded'],
  503: ['ServiceUnavailableException', 'ServiceUnavailable', 'Service Unavailable'],
};
const OTHER_ERROR = ['InternalServerException', 'InternalFailure', 'Internal failure'] as const;

/** The answer that a fault sends instead of the real one; undefined if it only delays. */
export function faultReply(operation: Operation, fault: Fault, requestId: string): WireReply | undefined {
  if (fault.status === undefined && fault.body === undefined) return undefined;
  const reply = fault.body === undefined ? errorReply(operation, fault, requestId) : bodyReply(operation, fault);
  const retryAfter = fault.retryAfter === undefined ? {} : { 'Retry-After': String(fault.retryAfter) };
  const location = fault.location === undefined ? {} : { Location: fault.location };
  return { ...reply, headers: { ...reply.headers, ...retryAfter, ...location, 'x-emulator-fault': 'yes' } };
}

/** The real or faulty answer, modified by a fault, such as unusable credentials. */
export function spoiltReply(reply: WireReply, { credentials, padding = 0 }: Fault): WireReply {
  const change = reply.status === 201 ? withCredentials : withCredentialElements;
  const body = credentials && reply.status < 300 ? change(reply.body, credentials) : reply.body;
  return { ...reply, body: body + ' '.repeat(padding) };
}

function withCredentials(body: string, changes: NonNullable<Fault['credentials']>): string {
  const answer = JSON.parse(body) as { readonly credentialSet: readonly { credentials: unknown }[] };
  for (const granted of answer.credentialSet) {
    const changed = Object.entries({ ...(granted.credentials as object), ...changes });
    granted.credentials = Object.fromEntries(changed.filter(([, value]) => value !== null));
  }
  return JSON.stringify(answer);
}

function withCredentialElements(body: string, changes: NonNullable<Fault['credentials']>): string {
  return Object.entries(changes).reduce((text, [key, value]) => {
    const name = key.replace(/^./, (letter) => letter.toUpperCase());
    const changed = value === null ? '' : element(name, xml(value));
    return text.replace(new RegExp(`<${name}>[^<]*</${name}>`), () => changed);
  }, body);
}

/** Without a status, the one of success: a service that answers nonsense. */
function bodyReply(operation: Operation, { status, body = '' }: Fault): WireReply {
  const [usual, type] = operation === 'createSession' ? [201, 'application/json'] : [200, 'text/xml'];
  return { status: status ?? usual, headers: { 'Content-Type': type }, body };
}

function errorReply(operation: Operation, { status = 500, message, code }: Fault, requestId: string): WireReply {
  const [rest, query, usual] = ERRORS[status] ?? OTHER_ERROR;
  const text = message ?? usual;
  if (operation === 'createSession') return jsonReply(status, { message: text }, { 'X-Amzn-ErrorType': code ?? rest });
  const error = new StsError(code ?? query, status, text, 'a fault that was switched on');
  return operation === 'listBuckets' ? s3ErrorReply(error, requestId) : stsErrorReply(error, requestId);
}
