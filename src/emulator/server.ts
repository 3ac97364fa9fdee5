import { randomUUID } from 'node:crypto';
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';
import type { Clock } from '../foundation/clock.ts';
import { failureFields, type Log } from '../foundation/logger.ts';
import type { Account } from './account/account.ts';
import { answerService, type Exchange, serviceOf } from './backend/service-answer.ts';
import { Calls } from './control/calls.ts';
import { answerControl, type ControlParts, isControl } from './control/control.ts';
import { type EmulatorEvent, EventLog } from './control/events.ts';
import { faultReply, spoiltReply } from './control/fault-reply.ts';
import { type Fault, Faults, type Operation } from './control/faults.ts';
import { answerCreateSession, answerS3, answerStsAction, type Call, type Emulation } from './emulation.ts';
import { IssuedSessions } from './issued-sessions.ts';
import { Refusal, refusalReply } from './refusal.ts';
import { isListBuckets } from './s3.ts';
import { stsAction } from './sts.ts';
import { jsonReply, sendReply, type WireReply } from './wire-reply.ts';
import { headOf, readBody, type WireHead, type WireRequest } from './wire-request.ts';

export interface EmulatorOptions {
  readonly account: Account;
  /** Upper limit for sessions, to watch renewals. */
  readonly grantSeconds?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** The allowed clock difference of a caller. The service's window is undocumented. Default 300. */
  readonly clockToleranceSeconds?: number;
  readonly onEvent?: (event: EmulatorEvent) => void;
  /** Rejects web pages. Without it, everyone who can connect may ask. */
  readonly guard?: Guard;
  /** A server that plays other services, without checking anything. */
  readonly backend?: URL;
}

/** Why to reject a request before looking at its content; undefined if it may continue. */
export type Guard = (request: {
  readonly method: string;
  readonly target: string;
  readonly headers: WireRequest['headers'];
  readonly local: { readonly address: string; readonly port: number };
}) => { readonly what: string } | undefined;

const STS_OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['GetCallerIdentity', 'getCallerIdentity'],
  ['AssumeRole', 'assumeRole'],
]);

/** An ML-DSA-87 certificate takes 10 KB of base64, and a chain as much again. */
const HEADER_BYTES = 64 * 1024;
/** SDKs keep connections open longer than Node's 5 s. Then a request could collide with the close. */
const KEEP_ALIVE_MS = 75_000;

/**
 * The emulated IAM Roles Anywhere, STS and, only for ListBuckets, S3. The caller listens. Closing
 * it also ends connections that a fault keeps waiting.
 */
export function buildEmulator(options: EmulatorOptions): Server {
  const parts = partsOf(options);
  const answer = (message: IncomingMessage, response: ServerResponse): void => {
    void exchange(parts, message, response);
  };
  const server = new EmulatorServer({ maxHeaderSize: HEADER_BYTES, keepAliveTimeout: KEEP_ALIVE_MS }, answer);
  // Clients that ask before they send a body learn of a denial without sending it.
  return server.on('checkContinue', answer);
}

/** Nothing here needs draining, and a connection that hangs on purpose would never end. */
class EmulatorServer extends Server {
  override close(callback?: (error?: Error) => void): this {
    super.close(callback);
    this.closeAllConnections();
    return this;
  }
}

interface Parts extends ControlParts {
  readonly clock: Clock;
  readonly emulation: Emulation;
  readonly guard: Guard | undefined;
  readonly backend: URL | undefined;
}

function partsOf({ account, clock, log, onEvent, guard, backend, ...options }: EmulatorOptions): Parts {
  const events = new EventLog();
  const emulation: Emulation = {
    account,
    log,
    sessions: new IssuedSessions(),
    clockToleranceSeconds: options.clockToleranceSeconds ?? 300,
    grantSeconds: options.grantSeconds,
    onEvent: (event) => {
      events.record(event);
      onEvent?.(event);
    },
  };
  return { clock, emulation, guard, backend, events, faults: new Faults(), calls: new Calls() };
}

/** Never rejects, so that no request can end the process. */
async function exchange(parts: Parts, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomUUID();
  const { clock, emulation } = parts;
  try {
    const head = headOf(message);
    const refused = guardReply(parts, head, message);
    const service = refused ? undefined : serviceBehind(parts, head);
    if (service) {
      await service({ message, response, requestId });
      return;
    }
    if (message.headers.expect !== undefined) response.writeContinue();
    const body = await readBody(message);
    const reply =
      refused ?? (body ? await replyTo(parts, { ...head, body }, requestId, response) : refusalReply(tooLong()));
    if (reply) sendReply(response, reply, requestId, clock.now());
  } catch (error) {
    emulation.log('error', 'the emulator failed', { requestId, ...failureFields(error) });
    if (!response.headersSent) sendReply(response, internalFailure(), requestId, clock.now());
  }
}

/** Undefined for a request that the emulator answers itself. */
function serviceBehind(
  { backend, emulation, clock }: Parts,
  head: WireHead,
): ((exchange: Exchange) => Promise<void>) | undefined {
  const signedFor = backend && !isControl(head) ? serviceOf(head, emulation.account.region) : undefined;
  if (!backend || !signedFor) return undefined;
  const terms = { ...emulation, backendUrl: backend, now: clock.now() };
  return (exchange) => answerService(exchange, head, signedFor, terms);
}

function guardReply(
  { guard, emulation }: Parts,
  { method, headers }: WireHead,
  message: IncomingMessage,
): WireReply | undefined {
  const { localAddress: address = '', localPort: port = 0 } = message.socket;
  const refused = guard?.({ method, target: message.url ?? '', headers, local: { address, port } });
  if (!refused) return undefined;
  emulation.log('warn', 'request refused', { reason: refused.what });
  return refusalReply(new Refusal('AccessDeniedException', 'Forbidden', refused.what, false));
}

/** Undefined if the caller gets no answer. */
async function replyTo(
  parts: Parts,
  request: WireRequest,
  requestId: string,
  response: ServerResponse,
): Promise<WireReply | undefined> {
  const control = answerControl(request, parts);
  if (control) return control;
  const { emulation } = parts;
  const sourceIp = response.socket?.remoteAddress?.replace(/^::ffff:/, '');
  const call = (): Call => ({ request, requestId, now: parts.clock.now(), sourceIp });
  // A custom endpoint may have a base path. The signature must cover it as sent.
  if (request.method === 'POST' && request.path.endsWith('/sessions')) {
    const answer = ({ grantSeconds = emulation.grantSeconds }: Fault = {}): WireReply =>
      answerCreateSession(call(), { ...emulation, grantSeconds });
    return operationReply(parts, 'createSession', { requestId, response, answer });
  }
  const action = stsAction(request);
  if (action === undefined && isListBuckets(request))
    return operationReply(parts, 'listBuckets', { requestId, response, answer: () => answerS3(call(), emulation) });
  if (action === undefined) return refusalReply(unknownOperation(request));
  const answer = ({ grantSeconds = emulation.grantSeconds }: Fault = {}): WireReply =>
    answerStsAction(call(), action, { ...emulation, grantSeconds });
  const operation = STS_OPERATIONS.get(action);
  return operation ? operationReply(parts, operation, { requestId, response, answer }) : answer();
}

interface Operand {
  readonly requestId: string;
  readonly response: ServerResponse;
  readonly answer: (fault?: Fault) => WireReply;
}

/** Counts the call and applies the active fault; undefined if it gets no answer. */
async function operationReply(
  { calls, faults, clock }: Parts,
  operation: Operation,
  { requestId, response, answer }: Operand,
): Promise<WireReply | undefined> {
  const count = calls.begin(operation);
  const gone = new AbortController();
  response.once('close', () => {
    count('dropped');
    gone.abort();
  });
  const fault = faults.take(operation);
  if (fault?.latencyMs !== undefined) await clock.sleep(fault.latencyMs, gone.signal);
  if (fault?.reset) response.socket?.resetAndDestroy();
  if (fault?.reset || fault?.hang || gone.signal.aborted) return undefined;
  const reply = (fault && faultReply(operation, fault, requestId)) ?? answer(fault);
  count(reply.status);
  return fault ? spoiltReply(reply, fault) : reply;
}

function tooLong(): Refusal {
  return new Refusal('RequestEntityTooLargeException', 'The body is too long', 'no valid request is this large', false);
}

function unknownOperation({ method, path }: WireRequest): Refusal {
  const detail = `the emulator has no ${method} ${path}; see GET /_emulator`;
  return new Refusal('UnknownOperationException', 'Not found', detail, false);
}

function internalFailure(): WireReply {
  return jsonReply(500, { message: 'Internal failure' }, { 'X-Amzn-ErrorType': 'InternalServerException' });
}
