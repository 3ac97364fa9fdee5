import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Server } from 'node:net';
import type { Authority, Issued, LeafOptions } from '../support/pki.ts';

/** Servers in place of the service, each wrong in its own way: name -> URL. */
export interface Upstreams {
  /** TLS by a CA that nobody trusts, for another name, or expired. */
  readonly untrusted: string;
  readonly otherName: string;
  readonly expired: string;
  /** Plain HTTP where TLS is expected, and no HTTP at all. */
  readonly plain: string;
  readonly noHttp: string;
  readonly closing: string;
  /** Its clock is an hour ahead. */
  readonly ahead: string;
  /** They answer every POST like this. */
  readonly throttling: string;
  readonly failing: string;
  readonly redirecting: string;
  readonly portal: string;
  readonly refusing: string;
  /** Answers 407 to CONNECT. */
  readonly proxy: string;
  readonly close: () => Promise<void>;
}

const HOUR_MS = 3_600_000;
const LONG_AGO = Date.UTC(2025, 5, 1);

export async function openUpstreams(authority: Authority, stranger: Authority): Promise<Upstreams> {
  const servers: Server[] = [];
  const connections = new Set<net.Socket>();
  const listening = async (server: Server, scheme = 'http'): Promise<string> => {
    servers.push(server.listen(0, '127.0.0.1'));
    server.on('connection', (socket) => connections.add(socket));
    await once(server, 'listening');
    return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const secured = async (issuer: Authority, options: LeafOptions): Promise<string> => {
    const certificate = await issuer.issue({ subject: 'CN=endpoint', ...options });
    return listening(tlsServer(certificate), 'https');
  };
  const answering = (status: number, body: string, headers = {}): Promise<string> =>
    listening(
      http.createServer((_, response) => {
        response.writeHead(status, { 'x-amzn-requestid': '11111111-aaaa', ...headers }).end(body);
      }),
    );
  const here = { alternativeNames: [{ type: 'ip', value: '127.0.0.1' }] } as const;
  return {
    untrusted: await secured(stranger, here),
    otherName: await secured(authority, { alternativeNames: [{ type: 'dns', value: 'other.example.com' }] }),
    expired: await secured(authority, { ...here, notAfter: LONG_AGO }),
    plain: (await answering(200, '')).replace('http:', 'https:'),
    noHttp: await listening(net.createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-x\r\n'))),
    closing: await listening(net.createServer((socket) => socket.destroy())),
    ahead: await answering(403, '', { date: new Date(Date.now() + HOUR_MS).toUTCString() }),
    throttling: await answering(429, '{"message":"Rate exceeded"}'),
    failing: await answering(503, '{}'),
    redirecting: await answering(302, '', { location: 'http://127.0.0.1:1/sign-in' }),
    portal: await answering(200, '<html>Welcome to the guest network</html>'),
    refusing: await answering(403, '{"message":"no reason given"}'),
    proxy: await listening(proxyServer(407)),
    close: async () => {
      for (const socket of connections) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function tlsServer({ certificatePem: cert, keyPem: key }: Issued): Server {
  const answer: RequestListener = (_, response) => response.writeHead(403).end();
  return https.createServer({ cert, key }, answer).on('tlsClientError', () => undefined);
}

function proxyServer(status: number): Server {
  return http.createServer().on('connect', (_, socket: net.Socket) => {
    socket.on('error', () => undefined).end(`HTTP/1.1 ${status} No\r\n\r\n`);
  });
}
