import http, { type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { CodedError } from '../foundation/errors.ts';
import type { Environment } from '../foundation/process-environment.ts';
import { trustedCas } from './ca-bundle.ts';
import { LARGEST_HEAD, dialled, established, type Way } from './connection.ts';
import { withDeadline } from './deadline.ts';
import { networkError } from './network-error.ts';
import { proxyFor } from './proxy-settings.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import type { HttpAnswer, HttpRequest, Send } from './send.ts';

export interface TransportOptions {
  /** Sent unsigned, as the AWS helper does. */
  readonly userAgent: string;
  /** PEM file of the CAs to trust instead of Node's; read again for each call. */
  readonly caBundle?: string;
  /** Where HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR are looked up; nothing else in it has any influence. */
  readonly environment: Environment;
  readonly connectTimeoutMs?: number;
  readonly deadlineMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const DEADLINE_MS = 15_000;
const LARGEST_ANSWER = 1024 * 1024;
/** All that comes in by a connection: heads, TLS records, the size before each chunk. Real exchanges take 10 to 20 kB. */
const MOST_BYTES = 2 * LARGEST_ANSWER;
/** How often that is looked at. Nothing but bytes may move meanwhile, which no event of Node tells of. */
const LOOK_MS = 20;
/** 100, 102 and 103 come before an answer. Node takes any number of them. */
const MOST_INTERIM = 10;

/**
 * One request per call over a connection of its own, since calls are half an hour apart: no pool, no redirect, no retry.
 * A role that is renewed while CA bundle or proxy change needs no restart.
 *
 * Node's own client: undici takes 12 MB for the life of the process and 30 more while V8 compiles its parser.
 */
export function httpsTransport(options: TransportOptions): Send {
  const { environment, connectTimeoutMs = CONNECT_TIMEOUT_MS, deadlineMs = DEADLINE_MS } = options;
  return (request, signal) =>
    withDeadline({ ms: deadlineMs, signal, late: lateAnswer }, async (bounded) => {
      const target = new URL(request.url);
      const proxy = proxyFor(target, environment);
      const way = { target, proxy, ca: await trustedCas(options.caBundle, environment) };
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

/** A proxy that says nothing is as good as none. */
function lateConnection({ target, proxy }: Way): (ms: number) => CodedError {
  const through = proxy ? ` through the proxy ${proxy.url.origin} (HTTPS_PROXY)` : '';
  return (ms) =>
    rolesAnywhereError('RA_CONNECT_TIMEOUT', `no connection to ${target.origin}${through} within ${ms / 1000} seconds`);
}

/** Cuts the connection when more has come in by it than any exchange needs, whatever it was. */
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
  // Also after the head of the answer: what the parser rejects in the body is an error of the request, and says more.
  const failed = new Promise<never>((_, reject) => sent.on('error', reject));
  const received = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve)).then(wholeAnswer);
  sent.end(body);
  return Promise.race([failed, received]);
}

async function wholeAnswer(answer: IncomingMessage): Promise<HttpAnswer> {
  return { status: answer.statusCode ?? 0, headers: flat(answer.headers), body: await bodyOf(answer) };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

/** Copied as it comes, into what holds the largest answer: a chunk of one byte takes a hundred while it is kept by itself. */
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
