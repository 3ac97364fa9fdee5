/**
 * Calls the SPIFFE Workload API over node:http2: one call that lasts, in which each message has all
 * SVIDs of this process. docs/spiffe.md says why without a gRPC library.
 */
import { once } from 'node:events';
import { lstat } from 'node:fs/promises';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPlace, type Place } from '../files/place.ts';
import { checkSteps } from '../files/safe-place.ts';
import { CodedError, messageOf, systemCodeOf } from '../foundation/errors.ts';
import { spiffeError } from './spiffe-errors.ts';
import type { Workload } from './spiffe-source.ts';
import { EMPTY_MESSAGE, Messages, type Svids, svidsIn } from './wire.ts';

export interface Patience {
  /** For the first answer, and for that to a ping. */
  readonly deadlineMs: number;
  readonly pingEveryMs: number;
}

/**
 * An agent answers in milliseconds, if it answers at all. Later it may have nothing to send for half
 * an hour, so pings show whether it hangs. Servers of gRPC, such as SPIRE, end a connection with more
 * than one ping in five minutes: https://github.com/grpc/grpc/blob/master/doc/keepalive.md
 */
const PATIENCE: Patience = { deadlineMs: 10_000, pingEveryMs: 305_000 };

/** Reading rests after each message, so that an agent which sends without end costs little. */
const REST_MS = 100;

/**
 * Receives SVIDs until the stream ends.
 *
 * @returns why it ended; undefined: by the signal. Never rejects.
 */
export async function receiveSvids(
  workload: Workload,
  received: (svids: Svids) => void,
  signal: AbortSignal,
  patience = PATIENCE,
): Promise<CodedError | undefined> {
  const { socket } = workload;
  try {
    const place = await agentPlace(workload);
    try {
      return await callAgent(place.file, { socket, received, signal, patience });
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
  readonly patience: Patience;
}

/** @returns why it ended. */
async function callAgent(file: string, call: Call): Promise<CodedError | undefined> {
  const { socket, signal } = call;
  const connection = connect(file).on('error', () => undefined);
  const deadline = new Deadline(connection, call);
  // With an error, which also ends the wait for a connection.
  const cancel = (): void => {
    connection.destroy(new Error('the call was cancelled'));
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    if (signal.aborted) return undefined;
    deadline.start('sent no SVID');
    await once(connection, 'connect');
    await follow(connection, call, deadline);
    return undefined;
  } catch (error) {
    return signal.aborted ? undefined : (deadline.missed ?? asSpiffeError(socket, error));
  } finally {
    deadline.met();
    signal.removeEventListener('abort', cancel);
    connection.destroy();
  }
}

/** Ends the connection if the agent does not answer in time. */
class Deadline {
  missed: CodedError | undefined;
  readonly #connection: Socket;
  readonly #call: Call;
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Socket, call: Call) {
    this.#connection = connection;
    this.#call = call;
  }

  start(what: string): void {
    const { socket, patience } = this.#call;
    this.#timer = setTimeout(() => {
      const seconds = patience.deadlineMs / 1_000;
      this.missed = spiffeError('SPIFFE_AGENT_LATE', `the agent at ${socket} ${what} within ${seconds} s`);
      this.#connection.destroy(this.missed);
    }, patience.deadlineMs);
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  met(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Receives until the end, and throws its reason. */
async function follow(connection: Socket, call: Call, deadline: Deadline): Promise<never> {
  const { socket, received, signal, patience } = call;
  const session = connectHttp2('http://localhost', { createConnection: () => connection });
  // What ends the session ends the call too.
  session.on('error', () => undefined);
  const pings = setInterval(() => {
    ping(session, deadline);
  }, patience.pingEveryMs);
  try {
    const stream = session.request(REQUEST);
    const status = statusOf(stream);
    stream.end(EMPTY_MESSAGE);
    const messages = new Messages();
    for await (const piece of stream) {
      // Each message has all SVIDs, so the last one counts.
      const message = messages.take(piece as Buffer).at(-1);
      if (!message) continue;
      const svids = svidsIn(message);
      deadline.met();
      received(svids);
      await sleep(REST_MS, undefined, { signal });
    }
    throw endedWith(socket, status);
  } finally {
    clearInterval(pings);
    session.destroy();
  }
}

function ping(session: ClientHttp2Session, deadline: Deadline): void {
  if (session.destroyed || deadline.isRunning) return;
  deadline.start('did not answer a ping');
  session.ping(() => {
    deadline.met();
  });
}

/** Of gRPC. Its code is in the first headers if the call fails at once, else in the trailers. */
interface Status {
  code: string | undefined;
  message: string;
}

function statusOf(call: ClientHttp2Stream): Status {
  const status: Status = { code: undefined, message: '' };
  const note = (headers: IncomingHttpHeaders): void => {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    status.code = String(code);
    status.message = printed(String(headers['grpc-message'] ?? ''));
  };
  call.on('response', (headers) => {
    note(headers);
    const { ':status': http, 'content-type': type } = headers;
    if (http === 200 && /^application\/grpc(?:[+;]|$)/.test(type ?? '')) return;
    call.destroy(new RangeError(`HTTP status ${http ?? 'unknown'}, content type ${printed(type ?? 'unknown')}`));
  });
  call.on('trailers', note);
  return status;
}

function endedWith(socket: string, { code, message }: Status): CodedError {
  const at = `the agent at ${socket}`;
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
  // With a reason, such as too many pings.
  if (code === 'ERR_HTTP2_SESSION_ERROR')
    return spiffeError('SPIFFE_AGENT_ENDED', `the agent at ${socket} ended the connection: ${messageOf(error)}`, error);
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
