import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/foundation/errors.ts';
import { httpsTransport, type TransportOptions } from '../../src/rolesanywhere/https-transport.ts';
import type { HttpAnswer } from '../../src/rolesanywhere/send.ts';
import { listening, temporaryFile, tlsFor } from '../rolesanywhere/support.ts';

// Endless data from the service, something in its place, or a proxy. Each ends the attempt soon,
// with little memory and CPU time.

const MEBIBYTE = 1024 * 1024;
/** An attempt reads at most 2 MiB, plus kernel buffers and data in flight. */
const MOST_SENT = 16 * MEBIBYTE;
const MOST_CPU_MS = 3_000;
const MOST_MEMORY = 48 * MEBIBYTE;

interface Attempt {
  readonly outcome: HttpAnswer | CodedError;
  readonly sent: number;
  readonly cpuMs: number;
  readonly memory: number;
}

/** Sends `first` after a request, and then `then` for as long as the other side reads. */
function pouring(first: string, then: string): { server: net.Server; sent: () => number } {
  let sent = 0;
  const write = (socket: Socket, text: string): boolean => {
    sent += text.length;
    return socket.write(text, 'latin1');
  };
  const server = net.createServer((socket) => {
    const more = (): void => {
      // Alternates with the reader, which is in this process.
      if (!socket.destroyed && write(socket, then)) setImmediate(more);
    };
    socket.on('drain', more).once('data', () => {
      write(socket, first);
      more();
    });
  });
  return { server, sent: () => sent };
}

async function attempt(
  url: string,
  environment: TransportOptions['environment'] = {},
  options: Partial<TransportOptions> = {},
): Promise<Omit<Attempt, 'sent'>> {
  const send = httpsTransport({ userAgent: 'imds-anywhere/test', environment, ...options });
  const request = { url, method: 'POST', headers: { host: new URL(url).host }, body: '{}' } as const;
  const cpu = process.cpuUsage();
  const before = process.memoryUsage().rss;
  let peak = before;
  const look = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const outcome = await send(request, new AbortController().signal).catch((error: unknown) => {
    if (error instanceof CodedError) return error;
    throw error;
  });
  clearInterval(look);
  const { user, system } = process.cpuUsage(cpu);
  return { outcome, cpuMs: (user + system) / 1_000, memory: Math.max(peak, process.memoryUsage().rss) - before };
}

async function fromService(first: string, then: string): Promise<Attempt> {
  const { server, sent } = pouring(first, then);
  return { ...(await attempt(`http://127.0.0.1:${await listening(server)}/sessions`)), sent: sent() };
}

async function fromProxy(first: string, then: string): Promise<Attempt> {
  const { server, sent } = pouring(first, then);
  const environment = { HTTPS_PROXY: `http://127.0.0.1:${await listening(server)}` };
  return { ...(await attempt('https://rolesanywhere.invalid/sessions', environment)), sent: sent() };
}

function expectBounded({ outcome, sent, cpuMs, memory }: Attempt, code: string): void {
  expect(outcome).toMatchObject({ code });
  expect(sent).toBeLessThan(MOST_SENT);
  expect(cpuMs).toBeLessThan(MOST_CPU_MS);
  expect(memory).toBeLessThan(MOST_MEMORY);
}

const OK = 'HTTP/1.1 201 Created\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

describe('a service that never stops sending', () => {
  it.each([
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n', ''],
    ['103 Early Hints with headers', `HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(8_000)}\r\n\r\n`, ''],
    ['one header', 'a'.repeat(1_000), `${OK}X-A: `],
    ['many headers', 'X-A: aaaaaaaa\r\n', OK],
    ['chunks of one byte', '1\r\na\r\n', CHUNKED],
    ['large chunks', `1000\r\n${'a'.repeat(4_096)}\r\n`, CHUNKED],
    ['a chunk extension', 'a'.repeat(1_000), `${CHUNKED}1;`],
    ['trailers', 'X-A: aaaaaaaa\r\n', `${CHUNKED}0\r\n`],
    ['a body until the connection ends', 'a'.repeat(1_000), `${OK}\r\n`],
    ['empty lines before the answer', '\r\n', ''],
  ])('%s', async (_, piece, first) => {
    const attempted = await fromService(first, piece.repeat(Math.ceil(65_536 / piece.length)));
    expectBounded(attempted, 'RA_ANSWER_TOO_LARGE');
  });

  it('empty lines within TLS, whose bytes cause no event', async () => {
    const files = await tlsFor('127.0.0.1');
    const server = tls.createServer({ ...files, ca: [] }, (socket) => {
      const more = (): void => {
        if (!socket.destroyed && socket.write('\r\n'.repeat(8_192))) setImmediate(more);
      };
      socket.on('drain', more).on('error', () => undefined);
      more();
    });
    const url = `https://127.0.0.1:${await listening(server)}/`;
    const environment = { SSL_CERT_FILE: temporaryFile('ca.pem', files.ca) };
    expect((await attempt(url, environment)).outcome).toMatchObject({ code: 'RA_ANSWER_TOO_LARGE' });
  });

  it('a byte at a time', async () => {
    const server = net.createServer({ noDelay: true }, (socket) => {
      socket.once('data', () => {
        socket.write(CHUNKED);
        const timer = setInterval(() => socket.write('1\r\na\r\n'), 1);
        socket.once('close', () => {
          clearInterval(timer);
        });
      });
    });
    const url = `http://127.0.0.1:${await listening(server)}/`;
    const { outcome, memory } = await attempt(url, {}, { deadlineMs: 300 });
    expect(outcome).toMatchObject({ code: 'RA_DEADLINE_EXCEEDED' });
    expect(memory).toBeLessThan(MOST_MEMORY);
  });

  it('ten interim answers before the real one are accepted', async () => {
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(10);
    const server = net.createServer((socket) => {
      socket.once('data', () => socket.end(`${interim}${OK}Content-Length: 4\r\n\r\nfine`));
    });
    const { outcome } = await attempt(`http://127.0.0.1:${await listening(server)}/`);
    expect(outcome).toMatchObject({ status: 201, body: 'fine' });
  });
});

describe('a proxy that never stops sending', () => {
  it.each([
    ['one header', 'a'.repeat(1_000), 'HTTP/1.1 200 OK\r\nX-A: ', 'RA_ANSWER_TOO_LARGE'],
    ['many headers', 'X-A: aaaaaaaa\r\n', 'HTTP/1.1 200 OK\r\n', 'RA_ANSWER_TOO_LARGE'],
    ['a status line', 'a'.repeat(1_000), 'HTTP/1.1 200 ', 'RA_ANSWER_TOO_LARGE'],
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n', '', 'RA_PROXY_REFUSED'],
    ['the body of a refusal', 'a'.repeat(1_000), 'HTTP/1.1 403 No\r\n\r\n', 'RA_PROXY_REFUSED'],
    ['what is no TLS, through the tunnel', 'a'.repeat(1_000), 'HTTP/1.1 200 OK\r\n\r\n', 'RA_TLS_FAILED'],
    ['what is no HTTP', 'a'.repeat(1_000), 'SSH-2.0-OpenSSH', 'RA_NOT_HTTP'],
  ])('%s', async (_, piece, first, code) => {
    expectBounded(await fromProxy(first, piece.repeat(Math.ceil(65_536 / piece.length))), code);
  });

  it('a byte at a time, which is a connection timeout', async () => {
    const server = net.createServer((socket) => {
      const timer = setInterval(() => socket.write('a'), 5);
      socket.write('HTTP/1.1 200 OK\r\nX-A: ');
      socket.once('close', () => {
        clearInterval(timer);
      });
    });
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${await listening(server)}` };
    const { outcome } = await attempt('https://rolesanywhere.invalid/', environment, { connectTimeoutMs: 100 });
    expect(outcome).toMatchObject({ code: 'RA_CONNECT_TIMEOUT' });
  });
});
