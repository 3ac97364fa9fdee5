import http from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { plainHost } from '../foundation/address.ts';
import type { Proxy } from './proxy-settings.ts';
import { rolesAnywhereError } from './rolesanywhere-errors.ts';

/** How an exchange reaches the service. */
export interface Way {
  readonly target: URL;
  readonly proxy: Proxy | undefined;
  /** PEM texts of the CAs to trust instead of Node's own. */
  readonly ca: readonly string[] | undefined;
}

/**
 * Limit for any answer, including the proxy's to CONNECT. Set explicitly, because a Node flag
 * changes the default.
 */
export const LARGEST_HEAD = 16 * 1024;

/** Set explicitly, like `rejectUnauthorized` below, because Node takes the defaults from its environment. */
const TLS = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const;

/**
 * A TCP connection to the first hop: the proxy, or the service itself. The caller destroys it,
 * which also ends everything that runs over it.
 */
export function dialled({ target, proxy }: Way): Socket {
  const first = proxy?.url ?? target;
  const port = first.port || (first.protocol === 'http:' ? '80' : '443');
  // Errors reach the code that waits for an event. A later error ends the exchange because the connection
  // ends.
  return connect({ host: plainHost(first.hostname), port: Number(port) }).on('error', () => undefined);
}

/** The stream for HTTP: the connection itself, or the proxy's tunnel or TLS in it. */
export async function established(dialled: Socket, way: Way): Promise<Socket> {
  const stream = await reached(dialled, way);
  return way.target.protocol === 'http:' ? stream : secured(stream, way.target, way.ca);
}

/**
 * TLS with a target whose certificate is looked at and not trusted: nothing may be sent. The
 * verdict is in `authorizationError`.
 */
export async function unverified(dialled: Socket, way: Way): Promise<tls.TLSSocket> {
  return secured(await reached(dialled, way), way.target, way.ca, false);
}

/** The stream to a target: the connection itself, or the proxy's tunnel. */
async function reached(dialled: Socket, { target, proxy, ca }: Way): Promise<Socket> {
  await happened(dialled, 'connect');
  if (!proxy) return dialled;
  const toProxy = proxy.url.protocol === 'http:' ? dialled : await secured(dialled, proxy.url, ca);
  return tunnelled(toProxy, proxy, target);
}

async function secured(socket: Socket, url: URL, ca: Way['ca'], rejectUnauthorized = true): Promise<tls.TLSSocket> {
  const host = plainHost(url.hostname);
  const names = isIP(host) ? { host } : { host, servername: host };
  const options = { ...TLS, ...names, ...(ca && { ca: [...ca] }), rejectUnauthorized, socket };
  const secure = tls.connect(options).on('error', () => undefined);
  await happened(secure, 'secureConnect');
  return secure;
}

/**
 * Uses Node's client, which limits the size of the answer. All bytes after its head belong to the
 * tunnel.
 */
async function tunnelled(socket: Socket, { url, authorization }: Proxy, target: URL): Promise<Socket> {
  const authority = `${target.hostname}:${target.port || '443'}`;
  const asked = http.request({
    createConnection: () => socket,
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority, ...(authorization !== undefined && { 'Proxy-Authorization': authorization }) },
    maxHeaderSize: LARGEST_HEAD,
  });
  // "close" would apply to the connection that becomes the tunnel.
  asked.removeHeader('connection');
  return new Promise((resolve, reject) => {
    asked.once('error', reject).once('connect', ({ statusCode = 0 }, tunnel: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) {
        const what = `the proxy ${url.origin} (HTTPS_PROXY) answered ${statusCode} to CONNECT ${authority}`;
        reject(rolesAnywhereError('RA_PROXY_REFUSED', what));
        return;
      }
      tunnel.unshift(head);
      resolve(tunnel);
    });
    asked.end();
  });
}

/** Waits for an event of a connection. Rejects if the connection fails or closes first. */
async function happened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const closed = (): void => {
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
    };
    socket.once(event, resolve).once('error', reject).once('close', closed);
  });
}
