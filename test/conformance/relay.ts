import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A forwarded request and its answer. */
export interface Passage {
  readonly message: IncomingMessage;
  readonly status: number;
}

export interface Relay {
  readonly url: string;
  readonly close: () => void;
}

export interface RelayOptions {
  /** The target of a request. */
  readonly target: (message: IncomingMessage) => string;
  /** A signature covers the Host header, so it is kept. An endpoint requires its own name. */
  readonly renamesHost?: boolean;
  readonly passed?: (passage: Passage) => void;
}

/** Forwards unchanged requests between a client and a server. */
export async function openRelay(options: RelayOptions): Promise<Relay> {
  const server = http.createServer((message, response) => {
    const onward = http.request(options.target(message), requestOptions(message, options), (answer) => {
      options.passed?.({ message, status: answer.statusCode ?? 0 });
      response.writeHead(answer.statusCode ?? 0, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.once('error', () => response.destroy());
    message.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}

function requestOptions(message: IncomingMessage, { target, renamesHost = false }: RelayOptions): http.RequestOptions {
  const headers = [...message.rawHeaders];
  const host = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (renamesHost) headers[host + 1] = new URL(target(message)).host;
  return { method: message.method, path: message.url, headers };
}
