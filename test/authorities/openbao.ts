import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { eventually } from '../support/program.ts';
import { hasTool } from '../support/tools.ts';

// OpenBao is the open continuation of Vault, with the same commands and the same API.

export const BAO_NAME = 'bao and jq (.ci/run installs them)';
export const hasBao = (): boolean => hasTool('bao', 'version') && hasTool('jq', '--version');

export const BAO_TOKEN = 'root';

/** A real server, in memory. */
export class OpenBao {
  readonly address: string;
  readonly #end: () => Promise<void>;

  static async start(): Promise<OpenBao> {
    const listen = `127.0.0.1:${await freePort()}`;
    const flags = ['-dev', '-dev-no-store-token', `-dev-root-token-id=${BAO_TOKEN}`, `-dev-listen-address=${listen}`];
    const child = spawn('bao', ['server', ...flags], { stdio: 'ignore' });
    const server = new OpenBao(`http://${listen}`, async () => {
      const exit = once(child, 'exit');
      child.kill();
      await exit;
    });
    await eventually('OpenBao', 60_000, () => server.bao('status').catch(() => undefined)).catch(
      async (error: unknown) => {
        await server.close();
        throw error;
      },
    );
    return server;
  }

  private constructor(address: string, end: () => Promise<void>) {
    this.address = address;
    this.#end = end;
  }

  /** A command of the operator. */
  readonly bao = (...args: readonly string[]): Promise<string> => this.#run('bao', args);

  /** Commands of the operator. */
  readonly shell = (text: string): Promise<string> => this.#run('sh', ['-euc', text]);

  async #run(program: string, args: readonly string[]): Promise<string> {
    const env = { ...process.env, BAO_ADDR: this.address, BAO_TOKEN };
    return (await promisify(execFile)(program, args, { env })).stdout.trim();
  }

  close(): Promise<void> {
    return this.#end();
  }
}
