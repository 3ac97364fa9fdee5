import http, { type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { CodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { trustedCas } from './ca-bundle.ts';
import { dialled, established, LARGEST_HEAD, type Way } from './connection.ts';
import { withDeadline } from './deadline.ts';
import { networkError } from './network-error.ts';
import { proxyFor } from './proxy-settings.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import type { HttpAnswer, HttpRequest, Send } from './send.ts';

export interface TransportOptions {
  /** Sent unsigned, as the AWS helper does. */
  readonly userAgent: string;
  /** PEM file of the CAs to trust instead of Node's. Read again for each call. */
  readonly caBundle?: string | undefined;
  /** Only HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR are read from it. */
  readonly environment: Environment;
  readonly connectTimeoutMs?: number;
  readonly deadlineMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const DEADLINE_MS = 15_000;
const LARGEST_ANSWER = 1024 * 1024;
/**
 * Limit for all bytes received on a connection, including heads, TLS records and chunk sizes. Real
 * exchanges take 10 to 20 kB.
 */
const MOST_BYTES = 2 * LARGEST_ANSWER;
/**
 * How often that limit is checked. A timer is needed, because Node has no event for bytes that
 * produce no data.
 */
const LOOK_MS = 20;
/** 100, 102 and 103 may precede an answer. Node accepts any number of them. */
const MOST_INTERIM = 10;

/**
 * Sends one request per call, each over its own connection, because calls are half an hour apart.
 * No pool, no redirect, no retry. Changes of CA bundle and proxy need no restart.
 *
 * Uses Node's own client: undici takes 12 MB for the life of the process, and 30 more while V8
 * compiles its parser.
 */
export function httpsTransport(options: TransportOptions): Send {
  const { environment, connectTimeoutMs = CONNECT_TIMEOUT_MS, deadlineMs = DEADLINE_MS } = options;
  return (request, signal) =>
    withDeadline({ ms: deadlineMs, signal, late: lateAnswer }, async (bounded) => {
      const target = new URL(request.url);
      const proxy = proxyFor(target, environment);
      const isSecured = target.protocol === 'https:';
      const way = { target, proxy, ca: isSecured ? await trustedCas(options.caBundle, environment) : undefined };
      const dial = dialled(way);
      const watch = bytesWatched(dial);
      bounded.addEventListener('abort', () => dial.destroy());
      try {
        const connecting = { ms: connectTimeoutMs, signal: bounded, late: lateConnection(way) };
        const socket = await withDeadline(connecting, () => established(dial, way));
        return await answerTo(request, socket, options.userAgent);
      } catch (error) {
        if (watch.exceeded()) throw tooLarge(`more than ${MOST_BYTES} bytes came from ${target.origin}`);
        throw networkError(bounded.aborted ? bounded.reason : error, {
          origin: target.origin,
          proxy: proxy?.url.origin,
        });
      } finally {
        watch.end();
        dial.destroy();
      }
    });
}

function lateAnswer(ms: number): CodedError {
  return rolesAnywhereError('RA_DEADLINE_EXCEEDED', `no complete response within ${ms / 1000} seconds`);
}

/** A proxy that does not answer counts as unreachable. */
function lateConnection({ target, proxy }: Way): (ms: number) => CodedError {
  const through = proxy ? ` through the proxy ${proxy.url.origin} (HTTPS_PROXY)` : '';
  return (ms) =>
    rolesAnywhereError('RA_CONNECT_TIMEOUT', `no connection to ${target.origin}${through} within ${ms / 1000} seconds`);
}

/** Closes the connection when it received more bytes than any exchange needs. */
function bytesWatched(dial: Socket): { readonly exceeded: () => boolean; readonly end: () => void } {
  let exceeded = false;
  const timer = setInterval(() => {
    if (dial.bytesRead <= MOST_BYTES) return;
    exceeded = true;
    dial.destroy();
  }, LOOK_MS);
  return {
    exceeded: () => exceeded,
    end: () => {
      clearInterval(timer);
    },
  };
}

async function answerTo(
  { url, method, headers, body }: HttpRequest,
  socket: Socket,
  userAgent: string,
): Promise<HttpAnswer> {
  const { pathname, search } = new URL(url);
  const sent = http.request({
    createConnection: () => socket,
    method,
    path: `${pathname}${search}`,
    headers: { ...headers, 'user-agent': userAgent },
    maxHeaderSize: LARGEST_HEAD,
  });
  let interim = 0;
  sent.on('information', () => {
    interim += 1;
    if (interim > MOST_INTERIM) sent.destroy(tooLarge(`more than ${MOST_INTERIM} interim answers (1xx)`));
  });
  // Still needed after the head of the answer: when the parser rejects the body, this error says
  // more.
  const failed = new Promise<never>((_, reject) => sent.on('error', reject));
  const received = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve)).then(wholeAnswer);
  sent.end(body);
  return Promise.race([failed, received]);
}

async function wholeAnswer(answer: IncomingMessage): Promise<HttpAnswer> {
  return { status: answer.statusCode ?? 0, headers: flat(answer.headers), body: await bodyOf(answer) };
}

function flat(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/**
 * Copies chunks into one buffer for the largest answer: a one-byte chunk takes a hundred bytes
 * while it is kept separately.
 */
async function bodyOf(answer: IncomingMessage): Promise<string> {
  const held = Buffer.allocUnsafe(LARGEST_ANSWER);
  let size = 0;
  answer.on('data', (chunk: Buffer) => {
    if (size + chunk.length > LARGEST_ANSWER)
      answer.destroy(tooLarge(`the answer is larger than ${LARGEST_ANSWER} bytes`));
    else size += chunk.copy(held, size);
  });
  await finished(answer);
  return held.toString('utf8', 0, size);
}

function tooLarge(what: string): CodedError {
  return rolesAnywhereError('RA_ANSWER_TOO_LARGE', what);
}
