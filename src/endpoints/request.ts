import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** A request as it came, before anything interprets it. */
export interface EndpointRequest {
  readonly method: string;
  /** The request target of the request line, untouched. */
  readonly target: string;
  readonly headers: RequestHeaders;
  readonly connection?: Socket;
  /** Where the connection came in: which address and port of this machine the client has reached. */
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

/** Every value sent under a name, in order. Node's own `headers` drops a second Host and joins what must not be joined. */
export interface RequestHeaders {
  /** @param name - in lower case. */
  has(name: string): boolean;
  /** Undefined where there is none. @param name - in lower case. */
  get(name: string): readonly string[] | undefined;
}

/** @param rawHeaders - names and values in turn, as `IncomingMessage.rawHeaders` has them. */
export function requestHeaders(rawHeaders: readonly string[]): RequestHeaders {
  return new RawHeaders(rawHeaders);
}

/** Searched for each of the few names that matter here, which is less work than a table of all of them. */
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

/** A target for a log line. Node lets only visible ASCII through; what is behind `?` means nothing here, and may be a secret that went astray. */
export function loggedPath(target: string): string {
  return target.split('?', 1).join().slice(0, 200);
}

/**
 * The path's names, each percent-decoded by itself; a query is ignored. Empty ones go, which takes care of the doubled and
 * trailing slashes of minio-js, Java and .NET without a redirect. Nothing else is normalised: `..` is a name like any other.
 * Undefined where the encoding is broken or hides a slash.
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
