import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** A request as received, without interpretation. */
export interface EndpointRequest {
  readonly method: string;
  /** The unchanged target of the request line. */
  readonly target: string;
  readonly headers: RequestHeaders;
  readonly connection?: Socket;
  /** The local address and port of the connection. */
  readonly local: { readonly address: string; readonly port: number };
}

/** @param target - of the request line: `message.url` may have been rewritten. */
export function endpointRequest(message: IncomingMessage, target: string): EndpointRequest {
  return new ReceivedRequest(message, target);
}

/** A class, because an object literal with a getter costs half a microsecond. */
class ReceivedRequest implements EndpointRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: RequestHeaders;
  readonly connection: Socket;

  constructor({ method = '', rawHeaders, socket }: IncomingMessage, target: string) {
    this.method = method;
    this.target = target;
    this.headers = requestHeaders(rawHeaders);
    this.connection = socket;
  }

  get local(): EndpointRequest['local'] {
    const { localAddress = '', localPort = 0 } = this.connection;
    return { address: localAddress, port: localPort };
  }
}

/**
 * All values of a header, in order. Node's own `headers` drops a second Host and joins headers that
 * must stay separate.
 */
export interface RequestHeaders {
  /** @param name - in lower case. */
  has(name: string): boolean;
  /** Undefined if it is missing. @param name - in lower case. */
  get(name: string): readonly string[] | undefined;
}

/** @param rawHeaders - names and values alternate, like in `IncomingMessage.rawHeaders`. */
export function requestHeaders(rawHeaders: readonly string[]): RequestHeaders {
  return new RawHeaders(rawHeaders);
}

/** Only a few names matter, so searching costs less than building a table. */
class RawHeaders implements RequestHeaders {
  readonly #raw: readonly string[];

  constructor(raw: readonly string[]) {
    this.#raw = raw;
  }

  has(name: string): boolean {
    return this.#next(name, 0) >= 0;
  }

  get(name: string): readonly string[] | undefined {
    let at = this.#next(name, 0);
    if (at < 0) return undefined;
    const values: string[] = [];
    for (; at >= 0; at = this.#next(name, at + 2)) values.push(this.#raw[at + 1] ?? '');
    return values;
  }

  #next(name: string, from: number): number {
    const raw = this.#raw;
    for (let at = from; at < raw.length; at += 2) {
      const sent = raw[at] ?? '';
      if (sent.length === name.length && (sent === name || sent.toLowerCase() === name)) return at;
    }
    return -1;
  }
}

/**
 * A target for a log line. Node accepts only visible ASCII. The part after `?` has no meaning here,
 * and may contain a secret.
 */
export function loggedPath(target: string): string {
  return target.split('?', 1).join().slice(0, 200);
}

/**
 * The names of the path, each percent-decoded; ignores a query. Drops empty names, so the doubled
 * and trailing slashes of minio-js, Java and .NET need no redirect. Does no other normalisation:
 * `..` is an ordinary name. Undefined if the encoding is invalid or hides a slash.
 *
 * @param target - in origin form, such as `/latest/meta-data/`.
 */
export function pathNames(target: string): readonly string[] | undefined {
  const path = target.split('?', 1).join('');
  try {
    const names = path
      .split('/')
      .filter((name) => name !== '')
      .map(decodeURIComponent);
    return names.some((name) => name.includes('/')) ? undefined : names;
  } catch {
    return undefined;
  }
}
