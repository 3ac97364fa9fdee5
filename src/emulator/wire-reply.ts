import type { ServerResponse } from 'node:http';

/** An answer before it is sent. */
export interface WireReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function jsonReply(status: number, body: unknown, headers: WireReply['headers'] = {}): WireReply {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/**
 * Sends the answer with a Server header, so that this server is not mistaken for AWS. The date is
 * the emulator's own.
 */
export function sendReply(response: ServerResponse, reply: WireReply, requestId: string, now: number): void {
  response.writeHead(reply.status, {
    Server: 'imds-anywhere emulator (not AWS)',
    Date: new Date(now).toUTCString(),
    'x-amzn-RequestId': requestId,
    'Content-Length': Buffer.byteLength(reply.body),
    ...reply.headers,
  });
  response.end(reply.body);
}

/** Text in the form of a header value: printable ASCII, limited length. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, '?').slice(0, 2000);
}
