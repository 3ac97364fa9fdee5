import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { der } from '../../src/foundation/der.ts';
import type { Authority, LeafOptions } from '../support/pki.ts';

// A SPIFFE agent that says what a test wants. It writes Protocol Buffers and gRPC by itself.

export interface FakeSvid {
  readonly id: string;
  readonly certificates: readonly Buffer[];
  readonly key: Buffer;
  readonly bundle: readonly Buffer[];
  readonly hint?: string;
}

/** A field with a length. */
export function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

export function encoded({ id, certificates, key, bundle, hint = '' }: FakeSvid): Buffer {
  return Buffer.concat([
    ...[field(1, id), field(2, Buffer.concat(certificates)), field(3, key), field(4, Buffer.concat(bundle))],
    field(5, hint),
  ]);
}

/** X509SVIDResponse, with a revocation list and a bundle of another trust domain. */
export function response(svids: readonly FakeSvid[]): Buffer {
  const federated = Buffer.concat([field(1, 'spiffe://elsewhere.example'), field(2, der(0x30))]);
  return Buffer.concat([...svids.map((svid) => field(1, encoded(svid))), field(2, 'a list'), field(3, federated)]);
}

export function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export async function makeSvid(
  authority: Authority,
  { id = 'spiffe://example.org/device', hint, ...options }: LeafOptions & { id?: string; hint?: string } = {},
): Promise<FakeSvid> {
  const issued = await authority.issue({
    subject: 'C=US,O=SPIRE',
    alternativeNames: [{ type: 'url', value: id }],
    ...options,
  });
  return {
    id,
    certificates: [issued.certificateDer],
    key: issued.privateKey.export({ format: 'der', type: 'pkcs8' }),
    bundle: [authority.certificateDer],
    ...(hint !== undefined && { hint }),
  };
}

/** Answers one call. */
export type Answer = (call: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

const OPEN = { ':status': 200, 'content-type': 'application/grpc' };

export class FakeAgent {
  readonly socket: string;
  /** The next calls get it. */
  answer: Answer;
  readonly calls: IncomingHttpHeaders[] = [];
  readonly #open = new Set<ServerHttp2Stream>();
  readonly #sessions = new Set<ServerHttp2Session>();
  #server: Http2Server | undefined;
  /** Those it has answered. */
  pings = 0;

  /** An agent that hands out these, until the test ends. */
  static async start(svids: readonly FakeSvid[] = []): Promise<FakeAgent> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-spiffe-'));
    const agent = new FakeAgent(path.join(directory, 'agent.sock'), streaming(framed(response(svids))));
    await agent.listen();
    onTestFinished(async () => {
      await agent.stop();
      await rm(directory, { recursive: true });
    });
    return agent;
  }

  private constructor(socket: string, answer: Answer) {
    this.socket = socket;
    this.answer = answer;
  }

  async listen(socket = this.socket): Promise<void> {
    const server = createServer();
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.on('error', () => undefined).on('close', () => this.#sessions.delete(session));
      session.on('ping', () => (this.pings += 1));
    });
    server.on('stream', (call, headers) => {
      this.calls.push(headers);
      this.#open.add(call);
      call.on('error', () => undefined).on('close', () => this.#open.delete(call));
      this.answer(call, headers);
    });
    server.listen(socket);
    await once(server, 'listening');
    await chmod(socket, 0o777);
    this.#server = server;
  }

  /** Like an agent that ends: the socket is gone, and there is neither status nor error. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const session of this.#sessions) session.destroy();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  /** Ends or drains every connection. */
  goAway(code: number): void {
    for (const session of this.#sessions) session.goaway(code);
  }

  get openCalls(): number {
    return this.#open.size;
  }

  /** Sends to every open call, and to those that come. */
  push(svids: readonly FakeSvid[]): void {
    const bytes = framed(response(svids));
    this.answer = streaming(bytes);
    for (const call of this.#open) call.write(bytes);
  }

  /** Ends every open call with a status in the trailers, and the next calls with one in the first headers. */
  refuse(status: number, message: string): void {
    this.answer = refusing(status, message);
    for (const call of this.#open) {
      call.once('wantTrailers', () => {
        call.sendTrailers(statusHeaders(status, message));
      });
      call.end();
    }
  }
}

/** A stream that stays open. */
export function streaming(...pieces: readonly Buffer[]): Answer {
  return (call) => {
    call.respond(OPEN, { waitForTrailers: true });
    for (const piece of pieces) call.write(piece);
  };
}

/** gRPC's form of a failure before the first message. */
export function refusing(status: number, message: string): Answer {
  return (call) => {
    call.respond({ ...OPEN, ...statusHeaders(status, message) }, { endStream: true });
  };
}

function statusHeaders(status: number, message: string): Record<string, string> {
  return { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(message) };
}

/** Random pieces of random lengths. */
export function inPieces(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const length = 1 + (randomBytes(1)[0] ?? 0);
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return pieces;
}
