import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { readCaBundle } from './ca-bundle.ts';
import { withDeadline } from './deadline.ts';
import { networkError } from './network-error.ts';
import { proxyFor, type Environment, type Proxy } from './proxy-settings.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';
import type { HttpAnswer, HttpRequest, Send } from './send.ts';

export interface TransportOptions {
  /** Sent unsigned, as the AWS helper does. */
  readonly userAgent: string;
  /** PEM file of the CAs to trust instead of Node's; read anew for each call. */
  readonly caBundle?: string;
  /** Where HTTPS_PROXY and NO_PROXY are looked up; nothing else in it has any influence. */
  readonly environment: Environment;
  readonly connectTimeoutMs?: number;
  readonly deadlineMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const DEADLINE_MS = 15_000;
const LARGEST_ANSWER = 1024 * 1024;

/**
 * One request per call over a connection of its own, since calls are half an hour apart: no pool, no redirect, no retry.
 * A role that is renewed while CA bundle or proxy change needs no restart.
 *
 * Node's own client: undici takes 12 MB for the life of the process and 30 more while V8 compiles its parser.
 */
export function httpsTransport(options: TransportOptions): Send {
  return (request, signal) =>
    withDeadline(options.deadlineMs ?? DEADLINE_MS, signal, async (bounded) => {
      const target = new URL(request.url);
      const proxy = proxyFor(target, options.environment);
      try {
        return await exchange({ target, proxy, request, options }, bounded);
      } catch (error) {
        throw networkError(bounded.aborted ? bounded.reason : error, {
          origin: target.origin,
          proxy: proxy?.url.origin,
        });
      }
    });
}

interface Call {
  readonly target: URL;
  readonly proxy: Proxy | undefined;
  readonly request: HttpRequest;
  readonly options: TransportOptions;
}

/** Said explicitly, since Node takes both defaults from its environment. */
const TLS = { minVersion: 'TLSv1.2', rejectUnauthorized: true } as const;

async function exchange({ target, proxy, request, options }: Call, bounded: AbortSignal): Promise<HttpAnswer> {
  const ca = options.caBundle === undefined ? {} : { ca: [...(await readCaBundle(options.caBundle))] };
  const connection = { ...TLS, ...ca, signal: bounded };
  const { method, headers, body } = request;
  const sent = (target.protocol === 'http:' ? http : https).request(target, {
    ...connection,
    method,
    headers: { ...headers, 'user-agent': options.userAgent },
    agent: proxy ? tunnel(proxy, connection) : false,
  });
  const answer = await answerTo(sent.end(body), options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
  return { status: answer.statusCode ?? 0, headers: flat(answer.headers), body: await readBounded(answer) };
}

/** The password goes in a header of ours: the agent would print a URL's when DEBUG is set. */
function tunnel({ url, authorization }: Proxy, connection: object): HttpsProxyAgent<string> {
  const headers = authorization === undefined ? {} : { 'Proxy-Authorization': authorization };
  return new HttpsProxyAgent(url.href, { ...connection, headers });
}

/** The head of the answer; rejects when the way there, through proxy and TLS, is not made in time. */
async function answerTo(sent: ClientRequest, connectTimeoutMs: number): Promise<IncomingMessage> {
  const timer = setTimeout(() => {
    sent.destroy(rolesAnywhereError('RA_CONNECT_TIMEOUT', `no connection within ${connectTimeoutMs / 1000} seconds`));
  }, connectTimeoutMs);
  try {
    return await new Promise((resolve, reject) => {
      sent.once('response', resolve).once('error', reject);
      sent.once('proxyConnect', ({ statusCode }: { readonly statusCode: number }) => {
        if (statusCode !== 200) sent.destroy(new Error(`proxy answered ${statusCode}`));
      });
      sent.once('socket', (socket: Socket) => {
        socket.once(sent.protocol === 'http:' ? 'connect' : 'secureConnect', () => {
          clearTimeout(timer);
        });
      });
    });
  } finally {
    clearTimeout(timer);
  }
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_ANSWER)
      throw rolesAnywhereError('RA_ANSWER_TOO_LARGE', `the answer is larger than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
