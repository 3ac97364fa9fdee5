/**
 * A call to a service behind the emulator: verified, authorized, and then passed on to the backend,
 * or refused in the words of the service.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { messageOf } from '../../foundation/errors.ts';
import type { IssuedSession, IssuedSessions } from '../issued-sessions.ts';
import { contextOf, permissionsOf, principalOf } from '../role-session.ts';
import { type VerifiedSignature, verifySignature } from '../signature/hmac-authorization.ts';
import { StsError } from '../sts-answer.ts';
import { onlyHeader, type WireHead, type WireRequest } from '../wire-request.ts';
import { type Denial, firstDenial, type SessionPermissions } from './authorization.ts';
import { isBodyNeeded, neededPermissions, operationName, type ServiceRequest } from './needed-permissions.ts';
import { checkedPayload } from './payload.ts';
import { type AskBackend, inputIn, type NeededPermissions, type Place } from './permission.ts';
import { s3Address } from './s3-address.ts';
import { type Backend, sendUpstream } from './upstream.ts';

export interface ServiceTerms {
  readonly backendUrl: URL;
  readonly sessions: IssuedSessions;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A request whose body may still be on the way. */
export interface IncomingCall {
  readonly head: WireHead;
  /** Service and region as signed for. */
  readonly service: string;
  readonly region: string;
  /** The whole body; undefined if it is too long. Also tells the client to send it. */
  readonly readBody: () => Promise<Buffer | undefined>;
  /** The body as it comes. Also tells the client to send it. */
  readonly streamBody: () => Readable;
  readonly sourceIp: string;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** How far a call came, for the log and the events. */
export interface ServiceOutcome {
  readonly session?: IssuedSession;
  /** In the words of the client. */
  readonly operation?: string | undefined;
  readonly needed?: NeededPermissions;
  readonly error?: StsError;
  readonly answer?: ServiceAnswer;
}

/** The answer of the backend, to be sent on. */
export interface ServiceAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly body: Readable;
}

export async function callService(call: IncomingCall, terms: ServiceTerms): Promise<ServiceOutcome> {
  const outcome: { -readonly [Part in keyof ServiceOutcome]: ServiceOutcome[Part] } = {};
  try {
    const body = isBodyNeeded(call) ? ((await call.readBody()) ?? tooLong()) : undefined;
    const signature = verified({ ...call.head, body: body ?? Buffer.alloc(0) }, call.service, terms);
    const session = (outcome.session = signature.session);
    const place = placeOf(session, call);
    const backend = { url: terms.backendUrl, accountId: place.accountId };
    const request = { ...call, place, body: body ?? Buffer.alloc(0) };
    outcome.operation = operationName(request);
    const needed = (outcome.needed = await needs(request, backend, call.signal));
    const may = maySession(session, call, terms.now);
    const denial = may(needed);
    if (denial) throw new StsError('AccessDenied', 403, denial.message, denial.reason);
    const sent = body ? Readable.from([body]) : call.streamBody();
    const check = call.service === 's3' ? [checkedPayload(declaredHash(call.head), signature)] : [];
    const upstream = await sendUpstream(backend, addressed(call), [sent, ...check], call.signal);
    return { ...outcome, answer: await unlessHidden(upstream, request, may) };
  } catch (error) {
    if (error instanceof StsError) return { ...outcome, error };
    throw error;
  }
}

function tooLong(): never {
  throw new StsError('RequestEntityTooLarge', 413, 'The body is too long', 'no valid request is this large');
}

/** @throws StsError */
function verified(request: WireRequest, service: string, { sessions, now }: ServiceTerms): VerifiedSignature {
  if (isSigV2(request)) {
    const message = 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.';
    throw new StsError('InvalidRequest', 400, message, 'it is Signature Version 2: set signature_version to s3v4');
  }
  if (isFormUpload(request)) {
    const detail = 'the emulator does not support uploads by HTML form (presigned POST)';
    throw new StsError('NotImplemented', 501, 'The emulator does not support this operation', detail);
  }
  const isS3 = service === 's3';
  const signing = { name: service, ...(isS3 && { payloadHash: declaredHash, isPathEncodedOnce: true }) };
  try {
    return verifySignature(request, signing, sessions, now);
  } catch (error) {
    if (error instanceof URIError) throw malformed(error);
    throw error;
  }
}

/** Resources are in the caller's account unless the request says otherwise. */
function placeOf({ arn }: IssuedSession, { region }: IncomingCall): Place {
  const [, partition = '', , , accountId = ''] = arn.split(':');
  return { partition, region, accountId };
}

/** boto3 makes such links by default, where the region had it once. */
export function isSigV2(head: WireHead): boolean {
  return /(?:^|&)AWSAccessKeyId=/.test(head.query) || (onlyHeader(head, 'authorization') ?? '').startsWith('AWS ');
}

/** Its signature is in a field of the form. */
export function isFormUpload(head: WireHead): boolean {
  return head.method === 'POST' && /^multipart\/form-data\b/i.test(onlyHeader(head, 'content-type') ?? '');
}

/** A presigned URL says nothing about the payload. */
function declaredHash(head: WireHead): string {
  const isPresigned = onlyHeader(head, 'authorization') === undefined;
  return onlyHeader(head, 'x-amz-content-sha256') ?? (isPresigned ? 'UNSIGNED-PAYLOAD' : '');
}

async function needs(request: ServiceRequest, backend: Backend, signal: AbortSignal): Promise<NeededPermissions> {
  try {
    const needed = await neededPermissions(request, askThrough(request.head, backend, signal));
    if (needed) return needed;
  } catch (error) {
    if (error instanceof URIError) throw malformed(error);
    throw error;
  }
  const { method, path, query } = request.head;
  const detail = `the emulator cannot tell which permission ${method} ${path}${query === '' ? '' : `?${query}`} of ${request.service} needs`;
  throw new StsError('NotImplemented', 501, 'The emulator does not support this operation', detail);
}

/** Asks in the name of the caller, whose service and region the backend reads in the signature. */
function askThrough(head: WireHead, backend: Backend, signal: AbortSignal): AskBackend {
  return async (operation, input) => {
    const target = (onlyHeader(head, 'x-amz-target') ?? '').replace(/\w+$/, operation);
    const body = Buffer.from(JSON.stringify(input));
    const changed = { 'x-amz-target': [target], 'content-length': [String(body.length)] };
    const asking = { ...head, headers: new Map([...head.headers, ...Object.entries(changed)]) };
    const answer = await sendUpstream(backend, asking, [Readable.from([body])], signal);
    const said = await text(answer);
    return answer.statusCode === 200 ? inputIn(said) : undefined;
  };
}

type MaySession = (needed: NeededPermissions) => Denial | undefined;

function maySession(
  session: IssuedSession,
  { head, service, region, sourceIp }: IncomingCall,
  now: number,
): MaySession {
  const circumstances = { now, region, sourceIp, userAgent: onlyHeader(head, 'user-agent') };
  const permissions: SessionPermissions = {
    callerArn: session.arn,
    principal: principalOf(session),
    context: new Map([...contextOf(session, circumstances), ...(service === 's3' ? keysOfS3(head) : [])]),
    policies: permissionsOf(session),
  };
  return (needed) => firstDenial(needed.permissions, permissions);
}

function keysOfS3(head: WireHead): [string, string][] {
  const isPresigned = onlyHeader(head, 'authorization') === undefined;
  return [
    ['s3:authType', isPresigned ? 'REST-QUERY-STRING' : 'REST-HEADER'],
    ['s3:signatureversion', 'AWS4-HMAC-SHA256'],
    ['s3:x-amz-content-sha256', declaredHash(head)],
  ];
}

/** A bucket in the host name becomes a part of the path, because the backend has another name. */
function addressed({ head, service }: IncomingCall): WireHead {
  if (service !== 's3') return head;
  const { path } = s3Address(head);
  return path === head.path ? head : { ...head, path, headers: new Map([...head.headers, ['host', ['127.0.0.1']]]) };
}

/**
 * S3 tells a caller that an object is missing only if the caller may list the bucket ("Permissions"
 * of GetObject and HeadObject).
 */
async function unlessHidden(upstream: IncomingMessage, call: ServiceRequest, may: MaySession): Promise<ServiceAnswer> {
  const answer = { status: upstream.statusCode ?? 502, rawHeaders: upstream.rawHeaders, body: upstream };
  const { method } = call.head;
  if (call.service !== 's3' || answer.status !== 404 || (method !== 'GET' && method !== 'HEAD')) return answer;
  const said = await buffer(upstream);
  const { bucket, key } = s3Address(call.head);
  if (key !== undefined && (method === 'HEAD' || said.includes('<Code>NoSuchKey</Code>'))) {
    const resource = `arn:${call.place.partition}:s3:::${bucket ?? ''}`;
    const denial = may({ eventName: 'ListObjects', permissions: [{ action: 's3:ListBucket', resource }] });
    if (denial)
      throw new StsError('AccessDenied', 403, denial.message, `the backend has no such object. ${denial.reason}`);
  }
  return { ...answer, body: Readable.from(said.length === 0 ? [] : [said]) };
}

function malformed(error: URIError): StsError {
  return new StsError('InvalidURI', 400, "Couldn't parse the specified URI.", messageOf(error));
}
