import http from 'node:http';

/**
 * One reading of credentials by an SDK: token, role name, document. Times are milliseconds since
 * the epoch.
 */
export interface SdkReading {
  /**
   * Status of the document, or of the first earlier answer that was not 200; 0 if the connection
   * failed.
   */
  readonly status: number;
  readonly body: string;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** Duration of the document request until the last byte; undefined if it was not sent. */
  readonly documentMs: number | undefined;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const CREDENTIALS = '/latest/meta-data/iam/security-credentials/';

/** An SDK-like client with kept-alive connections. Close it at the end. */
export class SdkClient {
  readonly #url: string;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #keepsToken: boolean;
  #token = '';

  /**
   * @param keepsToken - like boto3 and Go. JavaScript, Java and .NET get a new token for each
   * reading.
   */
  constructor(url: string, keepsToken: boolean) {
    this.#url = url;
    this.#keepsToken = keepsToken;
  }

  /** Never rejects. */
  async read(): Promise<SdkReading> {
    const sentAt = Date.now();
    let documentMs: number | undefined;
    const result = await this.#documentAfterToken((ms) => (documentMs = ms)).catch((error: unknown) => ({
      status: 0,
      body: String(error),
    }));
    return { ...result, sentAt, receivedAt: Date.now(), documentMs };
  }

  close(): void {
    this.#agent.destroy();
  }

  async #documentAfterToken(timed: (ms: number) => void): Promise<Answer> {
    if (this.#token === '' || !this.#keepsToken) {
      const token = await this.#ask('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' });
      if (token.status !== 200) return token;
      this.#token = token.body;
    }
    const headers = { 'x-aws-ec2-metadata-token': this.#token };
    const role = await this.#ask('GET', CREDENTIALS, headers);
    if (role.status !== 200) return role;
    const began = performance.now();
    const document = await this.#ask('GET', CREDENTIALS + role.body, headers);
    timed(performance.now() - began);
    return document;
  }

  #ask(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.request(this.#url + path, { method, agent: this.#agent, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
        response.once('error', reject);
      });
      request.once('error', reject).end();
    });
  }
}
