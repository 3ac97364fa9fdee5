import type { Socket } from 'node:net';

/** A request as it came, before anything interprets it. */
export interface DoorRequest {
  readonly method: string;
  /** The request target of the request line, untouched. */
  readonly target: string;
  readonly headers: RequestHeaders;
  readonly connection?: Socket;
  /** Where the connection came in: which address and port of this machine the client has reached. */
  readonly local: { readonly address: string; readonly port: number };
}

/** Lower-case name -> every value sent, in order. Node's own `headers` drops a second Host and joins what must not be joined. */
export type RequestHeaders = ReadonlyMap<string, readonly string[]>;

/** @param rawHeaders - names and values in turn, as `IncomingMessage.rawHeaders` has them. */
export function requestHeaders(rawHeaders: readonly string[]): RequestHeaders {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    const values = headers.get(name.toLowerCase());
    if (values) values.push(value);
    else headers.set(name.toLowerCase(), [value]);
  }
  return headers;
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
