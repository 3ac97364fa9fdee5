import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { RunningProgram } from '../support/program.ts';
import { onFreePort, type RunningEmulator, type Workshop } from '../support/workshop.ts';
import { exchange } from './exchange.ts';

export const CREDENTIALS = '/latest/meta-data/iam/security-credentials/';
export const TOKEN_FORM = /^[A-Za-z0-9_-]{56}$/;

/**
 * Old space of the daemon under test, which needs 15 MB. Without a limit, V8 takes what it can
 * before it collects garbage, and the size of the process would show nothing. With less, it
 * collects all the time.
 */
const HEAP_MB = 48;

export interface Size {
  /** Resident memory. */
  readonly megabytes: number;
  /** Open file descriptors. */
  readonly descriptors: number;
}

export interface EndpointOptions {
  readonly emulator?: RunningEmulator;
  /** Limit of descriptors. */
  readonly openFiles?: number;
}

/** The real program, with an emulator and a session. */
export class ServedEndpoint {
  readonly #program: RunningProgram;
  readonly port: number;
  /** A token that is valid for the whole test. */
  readonly token: string;
  readonly role: string;
  /** The parts of the session that clients without a token must not see. */
  readonly secrets: readonly string[];

  private constructor(program: RunningProgram, port: number, token: string, role: string, secrets: readonly string[]) {
    this.#program = program;
    this.port = port;
    this.token = token;
    this.role = role;
    this.secrets = secrets;
  }

  static async open(workshop: Workshop, { emulator, openFiles }: EndpointOptions = {}): Promise<ServedEndpoint> {
    const { config } = emulator ?? (await workshop.emulator());
    const env = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}` };
    const options = { env, ...(openFiles === undefined ? {} : { openFiles }) };
    const { program, url } = await workshop.daemon(onFreePort(config), options);
    const port = Number(new URL(url).port);
    const token = bodyOf(await exchange(port, tokenRequest(21_600)));
    const role = bodyOf(await exchange(port, credentialRequest(token)));
    await program.says(/role session granted/);
    const document = bodyOf(await exchange(port, credentialRequest(token, role)));
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(document) as Record<string, string>;
    const secrets = [AccessKeyId, SecretAccessKey, Token].map((part) => part ?? '');
    assert(secrets.every((part) => part.length > 10));
    return new ServedEndpoint(program, port, token, role, secrets);
  }

  get pid(): number {
    return this.#program.pid;
  }

  get log(): Record<string, unknown>[] {
    return this.#program.log;
  }

  get codes(): unknown[] {
    return this.log.map(({ code }) => code);
  }

  /** @throws if the process is gone. */
  size(): Size {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return { megabytes: kilobytes / 1024, descriptors: readdirSync(`/proc/${this.pid}/fd`).length };
  }

  /**
   * The original process still serves, and its log contains only rejections, a limited number of
   * them.
   */
  async check(): Promise<void> {
    const answer = await exchange(this.port, credentialRequest(this.token, this.role));
    assert.match(answer, /^HTTP\/1\.1 200 /);
    const { stderr } = this.#program;
    for (const code of this.codes) assert(code !== 'INTERNAL' && code !== 'ENDPOINT_INTERNAL', stderr);
    const others = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    assert.deepEqual(others, []);
    assert(stderr.length < 32_000);
    for (const secret of [this.token, ...this.secrets.slice(1)]) assert(!stderr.includes(secret));
  }
}

export function tokenRequest(ttl: number): string {
  return `PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token-ttl-seconds: ${ttl}\r\n\r\n`;
}

export function credentialRequest(token: string, role = ''): string {
  return `GET ${CREDENTIALS}${role} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-aws-ec2-metadata-token: ${token}\r\n\r\n`;
}

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
