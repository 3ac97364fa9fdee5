/**
 * Calls the SPIFFE Workload API over node:http2: one call that lasts, in which each message has all
 * SVIDs of this process. docs/spiffe.md says why without a gRPC library.
 */
import { once } from 'node:events';
import { lstat } from 'node:fs/promises';
import { type ClientHttp2Stream, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { openPlace, type Place } from '../files/place.ts';
import { checkSteps } from '../files/safe-place.ts';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { spiffeError } from './spiffe-errors.ts';
import type { Workload } from './spiffe-source.ts';
import { EMPTY_MESSAGE, Messages, type Svids, svidsIn } from './wire.ts';

/** An agent answers in milliseconds, if it answers at all. */
const DEADLINE_MS = 10_000;

/**
 * Receives SVIDs until the stream ends.
 *
 * @returns why it ended; undefined: by the signal. Never rejects.
 */
export async function receiveSvids(
  workload: Workload,
  received: (svids: Svids) => void,
  signal: AbortSignal,
): Promise<CodedError | undefined> {
  const { socket } = workload;
  try {
    const place = await agentPlace(workload);
    try {
      return await callAgent(place.file, { socket, received, signal });
    } finally {
      await place.close();
    }
  } catch (error) {
    return asSpiffeError(socket, error);
  }
}

/** One answer, for a command. @throws CodedError, or the signal's reason. */
export async function firstSvids(workload: Workload, signal: AbortSignal): Promise<Svids> {
  const enough = new AbortController();
  let first: Svids | undefined;
  const fault = await receiveSvids(
    workload,
    (svids) => {
      first ??= svids;
      enough.abort();
    },
    AbortSignal.any([signal, enough.signal]),
  );
  if (first) return first;
  signal.throwIfAborted();
  throw fault ?? spiffeError('SPIFFE_AGENT_ENDED', `the agent at ${workload.socket} sent nothing`);
}

/**
 * A user who can replace the socket decides which identity this is. Every user may connect to it, so
 * only its directories count. They may belong to the user of the agent, unless every user could have
 * made them.
 */
async function agentPlace({ socket, mayBeOpen }: Workload): Promise<Place> {
  const place = await openPlace(socket);
  try {
    const stats = await lstat(place.file);
    if (!stats.isSocket()) throw new Error(`it is ${stats.isSymbolicLink() ? 'a link' : 'not a socket'}`);
    const isPublic = place.steps.some(({ mode }) => (mode & 0o1000) !== 0);
    if (!mayBeOpen) await checkSteps(place.steps, { use: 'trusted', owner: isPublic ? undefined : stats.uid });
    return place;
  } catch (error) {
    await place.close();
    throw error;
  }
}

const REQUEST = {
  ':method': 'POST',
  ':path': '/SpiffeWorkloadAPI/FetchX509SVID',
  'content-type': 'application/grpc',
  te: 'trailers',
  // Without it, agents refuse the call: a program that forwards any request cannot add it.
  'workload.spiffe.io': 'true',
};

interface Call {
  readonly socket: string;
  readonly received: (svids: Svids) => void;
  readonly signal: AbortSignal;
}

/** @returns why it ended. */
async function callAgent(file: string, call: Call): Promise<CodedError | undefined> {
  const { socket, signal } = call;
  const connection = connect(file).on('error', () => undefined);
  let late: CodedError | undefined;
  const timer = setTimeout(() => {
    late = spiffeError('SPIFFE_AGENT_LATE', `the agent at ${socket} sent no SVID within ${DEADLINE_MS / 1_000} s`);
    connection.destroy(late);
  }, DEADLINE_MS);
  // With an error, which also ends the wait for a connection.
  const cancel = (): void => {
    connection.destroy(new Error('the call was cancelled'));
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    if (signal.aborted) return undefined;
    await once(connection, 'connect');
    await follow(connection, call, () => {
      clearTimeout(timer);
    });
    return undefined;
  } catch (error) {
    return signal.aborted ? undefined : (late ?? asSpiffeError(socket, error));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    connection.destroy();
  }
}

/** Receives until the end, and throws its reason. */
async function follow(connection: Socket, { socket, received }: Call, isAlive: () => void): Promise<never> {
  const session = connectHttp2('http://localhost', { createConnection: () => connection });
  // What ends the session ends the call too.
  session.on('error', () => undefined);
  try {
    const call = session.request(REQUEST);
    const status = statusOf(call);
    call.end(EMPTY_MESSAGE);
    const messages = new Messages();
    for await (const piece of call)
      for (const message of messages.take(piece as Buffer)) {
        const svids = svidsIn(message);
        isAlive();
        received(svids);
      }
    throw endedWith(socket, status);
  } finally {
    session.destroy();
  }
}

/** Of gRPC. Its code is in the first headers if the call fails at once, else in the trailers. */
interface Status {
  http: number | undefined;
  code: string | undefined;
  message: string;
}

function statusOf(call: ClientHttp2Stream): Status {
  const status: Status = { http: undefined, code: undefined, message: '' };
  const note = (headers: IncomingHttpHeaders): void => {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    status.code = String(code);
    status.message = printed(String(headers['grpc-message'] ?? ''));
  };
  call.on('response', (headers) => {
    status.http = headers[':status'];
    note(headers);
  });
  call.on('trailers', note);
  return status;
}

function endedWith(socket: string, { http, code, message }: Status): CodedError {
  const at = `the agent at ${socket}`;
  if (http !== 200) return unreadable(socket, `HTTP status ${http ?? 'unknown'}`);
  switch (code) {
    case undefined:
    case '0':
      return spiffeError('SPIFFE_AGENT_ENDED', `${at} ended the stream`);
    // INVALID_ARGUMENT: the standard forbids to repeat such a call.
    case '3':
      return spiffeError('SPIFFE_CALL_REFUSED', `${at} refused the call (INVALID_ARGUMENT): ${message}`);
    // PERMISSION_DENIED
    case '7':
      return spiffeError('SPIFFE_NO_IDENTITY', `${at} has no identity for this process: ${message}`);
    default:
      return spiffeError('SPIFFE_CALL_FAILED', `${at} failed the call (gRPC status ${code}): ${message}`);
  }
}

function asSpiffeError(socket: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  if (error instanceof RangeError) return unreadable(socket, messageOf(error), error);
  const code = systemCodeOf(error) ?? '';
  // An agent that ends sends neither a status nor an error.
  if (/^(?:ERR_STREAM_PREMATURE_CLOSE|ERR_HTTP2_STREAM_(?:CANCEL|ERROR)|ECONNRESET|EPIPE)$/.test(code))
    return spiffeError('SPIFFE_AGENT_ENDED', `the agent at ${socket} closed the connection`, error);
  if (code.startsWith('ERR_HTTP2_')) return unreadable(socket, messageOf(error), error);
  const what = `the SPIFFE agent at ${socket} cannot be reached: ${messageOf(error)}`;
  return spiffeError('SPIFFE_AGENT_UNREACHABLE', what, error);
}

function unreadable(socket: string, why: string, cause?: unknown): CodedError {
  return spiffeError('SPIFFE_ANSWER_UNREADABLE', `the answer from ${socket} cannot be used: ${why}`, cause);
}

/** Percent-encoded, and from another program. */
function printed(text: string): string {
  let decoded = text;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    // As it came.
  }
  return JSON.stringify(decoded.slice(0, 300));
}
