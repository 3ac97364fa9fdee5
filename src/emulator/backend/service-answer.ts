import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../../foundation/logger.ts';
import type { EmulatorEvent } from '../control/events.ts';
import { claimedScope } from '../signature/hmac-authorization.ts';
import { sendReply } from '../wire-reply.ts';
import { readBody, type WireHead } from '../wire-request.ts';
import {
  callService,
  type IncomingCall,
  isFormUpload,
  isSigV2,
  type ServiceOutcome,
  type ServiceTerms,
} from './service-call.ts';
import { callName, serviceEvent } from './service-event.ts';
import { serviceErrorReply } from './service-reply.ts';

/** Above what the services themselves accept: 20 MB in one part of an ECR layer. */
const LONGEST_BODY = 24 * 1024 * 1024;
/** Of the connection between emulator and backend, or set here. */
const NOT_PASSED_ON = /^(?:connection|keep-alive|proxy-.*|trailer|transfer-encoding|upgrade|x-amzn?-request-?id)$/i;

export interface ServiceParts extends ServiceTerms {
  readonly log: Log;
  readonly onEvent: (event: EmulatorEvent) => void;
}

export interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
}

type SignedFor = Pick<IncomingCall, 'service' | 'region'>;

/**
 * The service behind the emulator that a request is for; undefined for one that the emulator plays
 * itself. An unsigned request is for S3, if it could be one.
 */
export function serviceOf(head: WireHead, region: string): SignedFor | undefined {
  const scope = claimedScope(head);
  if (scope) return scope.service === 'sts' || scope.service === 'rolesanywhere' ? undefined : scope;
  const isS3 = isSigV2(head) || isFormUpload(head) || !(head.path === '/' || head.method === 'POST');
  return isS3 ? { service: 's3', region } : undefined;
}

/** Answers the request. Never rejects because of the caller or the backend. */
export async function answerService(
  exchange: Exchange,
  head: WireHead,
  signedFor: SignedFor,
  parts: ServiceParts,
): Promise<void> {
  const { response, requestId } = exchange;
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  const call = incomingCall(exchange, head, signedFor, gone.signal);
  const outcome = await callService(call, parts);
  parts.onEvent(serviceEvent(call, outcome, requestId, parts.now));
  report(call, outcome, requestId, parts.log);
  if (gone.signal.aborted) return;
  if (outcome.error) {
    sendReply(response, serviceErrorReply(outcome.error, call, requestId), requestId, parts.now);
    return;
  }
  await passOn(outcome, exchange, parts.log);
}

function incomingCall(
  { message, response }: Exchange,
  head: WireHead,
  { service, region }: SignedFor,
  signal: AbortSignal,
): IncomingCall {
  const isWaiting = message.headers.expect !== undefined;
  // A client that was told to send nothing might do so anyway. Then the next request would be garbled.
  response.shouldKeepAlive &&= !isWaiting;
  const proceed = (): void => {
    if (!isWaiting) return;
    response.writeContinue();
    response.shouldKeepAlive = true;
  };
  return {
    head,
    service,
    region,
    sourceIp: message.socket.remoteAddress ?? '',
    signal,
    readBody: () => {
      proceed();
      return readBody(message, LONGEST_BODY);
    },
    streamBody: () => {
      proceed();
      return message;
    },
  };
}

function report(call: IncomingCall, outcome: ServiceOutcome, requestId: string, log: Log): void {
  const { session, error, answer } = outcome;
  const name = callName(call, outcome);
  const fields = { requestId, service: call.service, caller: session?.arn, accessKeyId: session?.accessKeyId };
  if (error)
    log('warn', `${name} refused`, { ...fields, error: error.code, message: error.message, detail: error.detail });
  else log('info', `${name} passed on`, { ...fields, status: answer?.status });
}

/** A client that leaves, or a backend that breaks off, ends the connection: half an answer is none. */
async function passOn({ answer }: ServiceOutcome, { response, requestId }: Exchange, log: Log): Promise<void> {
  if (!answer) return;
  const kept = answer.rawHeaders.flatMap((name, index, all) =>
    index % 2 === 0 && !NOT_PASSED_ON.test(name) ? [name, all[index + 1] ?? ''] : [],
  );
  response.writeHead(answer.status, [...kept, 'x-amzn-RequestId', requestId, 'x-amz-request-id', requestId]);
  try {
    await pipeline(answer.body, response);
  } catch (error) {
    log('info', 'the answer of the backend was not sent to its end', { requestId, error: String(error) });
  }
}
