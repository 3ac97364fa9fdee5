import { setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { credentialRequest, type ServedEndpoint, tokenRequest } from './served-endpoint.ts';

/** Runs until the signal aborts. Returns the number of connections or requests. */
export type Flood = (endpoint: ServedEndpoint, signal: AbortSignal) => Promise<number>;

export const floods: Readonly<Record<string, Flood>> = {
  'nothing at all': quiet,
  'token PUTs, 10 connections': inLanes(10, askedAgain),
  'connections that stay open, 500 a second': inLanes(5, leftOpen),
  'headers and bodies a byte at a time, 100 connections': inLanes(100, dripped),
  'pipelining, 10 connections': inLanes(10, poured(pipelined, 'read')),
  'pipelining without reading, 10 connections': inLanes(10, poured(pipelined, 'unread')),
  'headers without end, 10 connections': inLanes(10, poured(endlessHeader, 'read')),
  'bodies without end, 10 connections': inLanes(10, poured(endlessBody, 'read')),
  'chunks of one byte without end, 10 connections': inLanes(10, poured(smallChunks, 'read')),
};

/** The work of one connection, the `nth` of its lane. Resolves when the next one may start. */
type Lane = (endpoint: ServedEndpoint, signal: AbortSignal, nth: number) => Promise<number>;

function inLanes(lanes: number, lane: Lane): Flood {
  return async (endpoint, signal) => {
    setMaxListeners(0, signal);
    const counts = Array.from({ length: lanes }, async (_, at) => {
      let count = 0;
      for (let nth = at; !signal.aborted; nth += 1) count += await lane(endpoint, signal, nth);
      return count;
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };
}

async function quiet(_: ServedEndpoint, signal: AbortSignal): Promise<number> {
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
  return 0;
}

/** Ignores errors and resets, which are normal in floods. */
function opened({ port }: ServedEndpoint, signal: AbortSignal): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  return addAbortSignal(signal, socket).on('error', () => undefined);
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

/** Sends each request after the previous answer, as fast as possible. */
async function askedAgain(endpoint: ServedEndpoint, signal: AbortSignal): Promise<number> {
  const socket = opened(endpoint, signal).setEncoding('latin1');
  let count = 0;
  socket.on('data', (text: string) => {
    if (!text.startsWith('HTTP/1.1 200 ')) return;
    count += 1;
    socket.write(tokenRequest(21_600));
  });
  socket.write(tokenRequest(21_600));
  await closed(socket);
  return count;
}

const OPENED_EVERY_MS = 10;

/** Opens a connection and leaves it, after nothing, half a request or a whole one. */
async function leftOpen(endpoint: ServedEndpoint, signal: AbortSignal, nth: number): Promise<number> {
  const firsts = ['', 'PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.', tokenRequest(60)];
  const socket = opened(endpoint, signal);
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (!socket.destroyed) socket.write(firsts[nth % firsts.length] ?? '');
  await delay(OPENED_EVERY_MS);
  return 1;
}

const BYTE_EVERY_MS = 100;

/** One byte at a time: of a header, a body, a chunk, its size, or a trailer. */
async function dripped(endpoint: ServedEndpoint, signal: AbortSignal, nth: number): Promise<number> {
  const put = tokenRequest(60).replace(/\r\n$/, '');
  const chunked = `${put}Transfer-Encoding: chunked\r\n\r\n`;
  const starts = [
    'GET / HTTP/1.1\r\nX-Slow: ',
    `${put}Content-Length: 100000\r\n\r\n`,
    `${chunked}ffff\r\n`,
    `${chunked}1;`,
    `${chunked}0\r\nX-Slow: `,
  ];
  const socket = opened(endpoint, signal).resume();
  socket.write(starts[nth % starts.length] ?? '');
  const timer = setInterval(() => socket.write('a'), BYTE_EVERY_MS);
  await closed(socket);
  clearInterval(timer);
  return 1;
}

/** The first bytes, then the repeated ones. */
interface Outpouring {
  readonly first: Buffer;
  readonly then: Buffer;
}

/** As fast as the other side reads. */
function poured(outpouring: (endpoint: ServedEndpoint) => Outpouring, answers: 'read' | 'unread'): Lane {
  return async (endpoint, signal) => {
    const { first, then } = outpouring(endpoint);
    const socket = opened(endpoint, signal);
    if (answers === 'read') socket.resume();
    socket.on('drain', () => socket.write(then));
    socket.write(first);
    socket.write(then);
    await closed(socket);
    return 1;
  };
}

/** As many requests as fit into one read of Node. */
function pipelined({ token, role }: ServedEndpoint): Outpouring {
  return {
    first: Buffer.from(credentialRequest(token, role)),
    then: Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(3_600)),
  };
}

function endlessHeader(): Outpouring {
  return {
    first: Buffer.from('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: '),
    then: Buffer.from('header.'.repeat(10_000)),
  };
}

const chunkedHead = Buffer.from(tokenRequest(60).replace(/\r\n$/, 'Transfer-Encoding: chunked\r\n\r\n'));

function endlessBody(): Outpouring {
  return { first: chunkedHead, then: Buffer.from(`10000\r\n${'content.'.repeat(8_192)}\r\n`) };
}

/** Node calls back for each. */
function smallChunks(): Outpouring {
  return { first: chunkedHead, then: Buffer.from('1\r\nx\r\n'.repeat(10_000)) };
}
