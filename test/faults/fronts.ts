import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import type { Issued } from '../support/pki.ts';

// Network paths to an upstream that tests can break and repair while a daemon uses them. All answer
// slowly, so that the remaining time of a session has some failures, not dozens.

export const THINKING_MS = 1_000;

export interface Front {
  readonly port: number;
  readonly close: () => void;
}

export interface TlsFront extends Front {
  /** Sets the certificate for new connections. */
  readonly present: (issued: Issued) => void;
}

export async function tlsFront(listener: RequestListener, issued: Issued): Promise<TlsFront> {
  const files = ({ keyPem, certificatePem }: Issued): https.ServerOptions => ({ key: keyPem, cert: certificatePem });
  const server = https.createServer(files(issued), listener);
  const front = await listening(
    net.createServer((socket) => {
      // A stopped daemon hangs up during the exchange.
      socket.on('error', () => undefined);
      setTimeout(() => server.emit('connection', socket), THINKING_MS);
    }),
  );
  const present = (other: Issued): void => {
    server.setSecureContext(files(other));
  };
  return { ...front, present };
}

export interface ConnectProxy extends Front {
  /** Refuses with this status; without one, works again. */
  readonly refuse: (status?: number) => void;
}

/**
 * A proxy that supports only CONNECT and connects every tunnel to the same port, so no name must
 * resolve.
 */
export async function connectProxy(toPort: number): Promise<ConnectProxy> {
  let refusal: number | undefined;
  const server = http.createServer();
  server.on('connect', (_, client: net.Socket) => {
    client.on('error', () => undefined);
    // Stored for this client, because the proxy may accept tunnels again by the time it answers.
    const status = refusal;
    if (status !== undefined) {
      setTimeout(() => client.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`), THINKING_MS);
      return;
    }
    const tunnel = net.connect(toPort, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      tunnel.pipe(client).pipe(tunnel);
    });
    tunnel.on('error', () => client.destroy());
    client.on('close', () => tunnel.destroy());
  });
  return { ...(await listening(server)), refuse: (status) => (refusal = status) };
}

async function listening(server: net.Server): Promise<Front> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
