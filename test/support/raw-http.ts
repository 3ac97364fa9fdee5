import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** An HTTP answer as received. */
export interface RawResponse {
  readonly status: number;
  /** Lower-case names; repeated ones joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Status line and headers, verbatim. */
  readonly head: string;
}

/**
 * A client that sends exactly the given bytes. An HTTP library would correct what these tests are
 * about.
 */
export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #changed: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#changed();
    });
    const end = (): void => {
      this.#ended = true;
      this.#changed();
    };
    // A reset appears as a missing answer.
    socket.on('error', end);
    socket.on('close', end);
  }

  static async open(port: number, host = '127.0.0.1'): Promise<RawConnection> {
    const socket = connect({ port, host, noDelay: true });
    const connection = new RawConnection(socket);
    await once(socket, 'connect');
    return connection;
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Ends only this side. */
  endSending(): void {
    this.#socket.end();
  }

  /**
   * The next answer on this connection, including interim ones (100).
   *
   * @param bodyless - for the answer to a HEAD, whose Content-Length has no body.
   */
  async read(bodyless = false): Promise<RawResponse> {
    for (;;) {
      const response = parseResponse(this.#received, bodyless, this.#ended);
      if (response) {
        this.#received = this.#received.subarray(response.length);
        return response.parsed;
      }
      if (this.#ended) throw new Error(`closed without a whole answer, after ${this.#received.length} bytes`);
      await this.#change();
    }
  }

  /** Resolves when the other side has closed. */
  async closed(): Promise<void> {
    while (!this.#ended) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => (this.#changed = resolve));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** One request on a new connection. */
export async function rawExchange(port: number, bytes: string | Buffer, host?: string): Promise<RawResponse> {
  const connection = await RawConnection.open(port, host);
  try {
    connection.send(bytes);
    return await connection.read(Buffer.from(bytes).toString('latin1', 0, 5) === 'HEAD ');
  } finally {
    connection.destroy();
  }
}

export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** The bytes of a request without a body. */
export function requestBytes(method: string, target: string, headers: HeaderLines, version = '1.1'): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`;
}

function parseResponse(
  bytes: Buffer,
  bodyless: boolean,
  ended: boolean,
): { readonly parsed: RawResponse; readonly length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(head)?.[1]);
  const headers = parseHeaders(head);
  const bodyStart = headEnd + 4;
  const length = bodyLength(status, headers, bodyless) ?? (ended ? bytes.length - bodyStart : undefined);
  if (length === undefined || bytes.length < bodyStart + length) return undefined;
  const body = bytes.toString('utf8', bodyStart, bodyStart + length);
  return { parsed: { status, headers, body, head }, length: bodyStart + length };
}

/** Undefined: the body ends with the connection. */
function bodyLength(status: number, headers: RawResponse['headers'], bodyless: boolean): number | undefined {
  if (bodyless || status < 200) return 0;
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

function parseHeaders(head: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of head.split('\r\n').slice(1)) {
    const [name = '', ...rest] = line.split(':');
    const key = name.toLowerCase();
    const value = rest.join(':').trim();
    headers[key] = key in headers ? `${headers[key] ?? ''}, ${value}` : value;
  }
  return headers;
}
