import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

type Fields = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Fields;
  readonly result?: Fields;
  readonly error?: { readonly message: string };
}

/** Debian's Chromium without a window, driven by the DevTools protocol over two pipes. */
export class Browser {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #answers = new Map<number, (message: Message) => void>();
  #session: string | undefined;
  #sent = 0;
  /** Console messages, and what the page was not allowed to do. */
  readonly complaints: string[] = [];
  /** All addresses that it has asked. */
  readonly requested: string[] = [];

  static async open(): Promise<Browser> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-browser-'));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--hide-scrollbars',
      '--disable-lcd-text',
      '--remote-debugging-pipe',
    ];
    const child = spawn('chromium', [...flags, `--user-data-dir=${directory}`, 'about:blank'], {
      // A home of its own, because Chromium writes there too.
      env: { PATH: process.env['PATH'], HOME: directory },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const browser = new Browser(child, directory);
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = String(sessionId);
    for (const domain of ['Page', 'Log', 'Runtime', 'Network']) await browser.send(`${domain}.enable`);
    return browser;
  }

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    // It is killed at the end, and its pipes end with it.
    for (const pipe of child.stdio) pipe?.on('error', () => undefined);
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.#received(JSON.parse(message) as Message);
    });
  }

  async send(method: string, params: Fields = {}): Promise<Fields> {
    const id = (this.#sent += 1);
    const answered = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result, error } = await answered;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result ?? {};
  }

  /** The value of an expression in the page. */
  async value(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { readonly value?: unknown }).value;
  }

  /** A PNG of the whole page. */
  async picture(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #received({ id, method, params, ...answer }: Message): void {
    if (id !== undefined) {
      this.#answers.get(id)?.(answer);
      this.#answers.delete(id);
    }
    if (method === 'Log.entryAdded' || method === 'Runtime.consoleAPICalled' || method === 'Runtime.exceptionThrown')
      this.complaints.push(JSON.stringify(params));
    if (method === 'Network.requestWillBeSent')
      this.requested.push((params as { readonly request: { readonly url: string } }).request.url);
  }
}
