import type { IncomingMessage } from 'node:http';

/** A request without its body, as received. A signature covers exactly these bytes, so nothing is normalised. */
export interface WireHead {
  readonly method: string;
  /** Undecoded, up to the first `?`. */
  readonly path: string;
  /** Undecoded, after the first `?`; empty without one. */
  readonly query: string;
  /** Lower case name -> values in the order sent. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

export interface WireRequest extends WireHead {
  readonly body: Buffer;
}

/** Far above any real request. */
const LONGEST_BODY = 256 * 1024;

export function headOf(message: IncomingMessage): WireHead {
  const target = message.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: message.method ?? '',
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '' : target.slice(mark + 1),
    headers: headersOf(message.rawHeaders),
  };
}

/** The value of a header that was sent exactly once. */
export function onlyHeader(request: WireHead, name: string): string | undefined {
  const values = request.headers.get(name);
  return values?.length === 1 ? values[0] : undefined;
}

/**
 * Name and value pairs of a query, percent-decoded. `+` is literal, as in SigV4.
 *
 * @throws URIError if the encoding is invalid.
 */
export function queryPairs(query: string): [name: string, value: string][] {
  if (query === '') return [];
  return query.split('&').map((pair) => {
    const mark = pair.indexOf('=');
    const [name, value] = mark === -1 ? [pair, ''] : [pair.slice(0, mark), pair.slice(mark + 1)];
    return [decodeURIComponent(name), decodeURIComponent(value)];
  });
}

/**
 * The whole body; undefined if it is longer than any real one. Does not throw then, because the
 * sender is still sending and needs an answer.
 */
export async function readBody(message: IncomingMessage, longest = LONGEST_BODY): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= longest) chunks.push(chunk);
  }
  return length <= longest ? Buffer.concat(chunks) : undefined;
}

/** Node's own header object joins and drops duplicates; the raw list does not. */
function headersOf(raw: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), raw[index + 1] ?? '']);
  }
  return headers;
}
