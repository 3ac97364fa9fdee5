import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasTool } from '../../support/tools.ts';

/** Of Debian: swtpm, tpm2-tools, tpm2-openssl. */
export function hasTpmTools(): boolean {
  return (
    hasTool('swtpm', '--version') &&
    hasTool('tpm2_getcap', '--version') &&
    hasTool('sh', '-c', `test -e "$(openssl version -m | cut -d '"' -f 2)/tpm2.so"`)
  );
}

/** A TPM in software, new and empty, in a directory of its own. */
export class SoftwareTpm {
  readonly #process: ChildProcess;
  readonly directory: string;

  static async start(): Promise<SoftwareTpm> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-tpm-'));
    await mkdir(path.join(directory, 'state'));
    return new SoftwareTpm(directory).#listening();
  }

  private constructor(directory: string) {
    this.directory = directory;
    this.#process = spawn(
      'swtpm',
      [
        ...['socket', '--tpm2', '--tpmstate', `dir=${directory}/state`, '--flags', 'not-need-init,startup-clear'],
        ...['--server', `type=unixio,path=${this.device}`, '--ctrl', `type=unixio,path=${this.device}.ctrl`],
      ],
      { stdio: 'ignore' },
    );
  }

  async #listening(): Promise<this> {
    while (!existsSync(this.device) || !existsSync(`${this.device}.ctrl`)) {
      if (this.#process.exitCode !== null) throw new Error('swtpm ended');
      await sleep(10);
    }
    return this;
  }

  /** A socket, which takes one client at a time. */
  get device(): string {
    return path.join(this.directory, 'tpm');
  }

  file(name: string): string {
    return path.join(this.directory, name);
  }

  /** Runs a tool of tpm2-tools, or openssl, with this TPM, in its directory. */
  tool(program: string, ...args: readonly string[]): Buffer {
    return execFileSync(program, args, {
      cwd: this.directory,
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** The tool leaves transient objects behind, which nothing else removes without a resource manager. */
  tools(...lines: readonly string[]): void {
    for (const line of lines) {
      const [program = '', ...args] = line.split(' ');
      this.tool(program, ...args);
      this.tool('tpm2_flushcontext', '--transient-object');
      this.tool('tpm2_flushcontext', '--loaded-session');
    }
  }

  get environment(): Readonly<Record<string, string>> {
    const tcti = `swtpm:path=${this.device}`;
    return { PATH: process.env['PATH'] ?? '', TPM2TOOLS_TCTI: tcti, TPM2OPENSSL_TCTI: tcti };
  }

  /** What stands in it now: transient objects and loaded sessions. */
  get leftovers(): string {
    const listed = ['handles-transient', 'handles-loaded-session'].map((what) => this.tool('tpm2_getcap', what));
    return Buffer.concat(listed).toString().trim();
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    if (this.#process.exitCode === null && this.#process.kill()) await ended;
    await rm(this.directory, { recursive: true, force: true });
  }
}
