import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { freePort } from './free-port.ts';
import { eventually } from './program.ts';
import { hasTool } from './tools.ts';

/** .ci/run installs examples/requirements.txt here. */
export const EXAMPLE_TOOLS = path.resolve(import.meta.dirname, '../../.cache/examples/bin');
export const EXAMPLE_TOOLS_NAME = 'moto and the AWS CLI in .cache/examples (.ci/run installs them)';

export function hasExampleTools(): boolean {
  return hasTool(path.join(EXAMPLE_TOOLS, 'aws'), '--version') && hasTool('openssl', 'version');
}

/** A server that plays AWS and checks nothing. */
export class Moto {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** @param home - a directory without the tester's AWS configuration, because moto uses boto3, too. */
  static async start(home: string): Promise<Moto> {
    const port = await freePort();
    const env = { PATH: process.env['PATH'], HOME: home };
    const child = spawn(path.join(EXAMPLE_TOOLS, 'moto_server'), ['-p', String(port)], { stdio: 'ignore', env });
    const moto = new Moto(child, `http://127.0.0.1:${port}`);
    await eventually('moto', 120_000, () =>
      fetch(moto.url).then(
        () => true,
        () => undefined,
      ),
    );
    return moto;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
