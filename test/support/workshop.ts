import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type RunningProgram, type RunOptions, start } from './program.ts';

/** An emulator process, with its account and the configuration it printed. */
export interface RunningEmulator {
  readonly url: string;
  readonly directory: string;
  /** The printed configuration. */
  readonly config: string;
  readonly program: RunningProgram;
}

/**
 * A directory and programs for one test file. Open it in `beforeAll`, and return `close` from
 * there, which ends and removes everything.
 */
export class Workshop {
  readonly #programs: RunningProgram[] = [];
  #configs = 0;
  readonly #env: NonNullable<RunOptions['env']>;
  readonly directory: string;

  /** @param env - for every program, such as another clock. */
  static async open(env: NonNullable<RunOptions['env']> = {}): Promise<Workshop> {
    return new Workshop(await mkdtemp(path.join(tmpdir(), 'imds-anywhere-test-')), env);
  }

  private constructor(directory: string, env: NonNullable<RunOptions['env']>) {
    this.directory = directory;
    this.#env = env;
  }

  start(args: readonly string[], options?: RunOptions): RunningProgram {
    const program = start(args, { ...options, env: { ...this.#env, ...options?.env } });
    this.#programs.push(program);
    return program;
  }

  async write(name: string, content: string): Promise<string> {
    const file = path.join(this.directory, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  }

  async emulator(...flags: string[]): Promise<RunningEmulator> {
    const directory = path.join(this.directory, `account-${this.#programs.length}`);
    const program = this.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0', ...flags]);
    const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
    await program.says(/AWS_ENDPOINT_URL_STS/);
    return { url, directory, config: program.stdout, program };
  }

  /**
   * Starts `serve` with an emulator's configuration and the test's changes. Returns its program and
   * its first URL.
   */
  async daemon(
    config: string,
    options?: RunOptions,
  ): Promise<{ readonly program: RunningProgram; readonly url: string }> {
    const file = await this.write(`config-${(this.#configs += 1)}.yaml`, config);
    const program = this.start(['serve', file], options);
    const [, url = ''] = await program.says(/AWS_EC2_METADATA_SERVICE_ENDPOINT=(http:\S+)/);
    return { program, url };
  }

  readonly close = async (): Promise<void> => {
    await Promise.all(this.#programs.map((program) => program.stop()));
    await rm(this.directory, { recursive: true, force: true });
  };
}

/** The configuration that an emulator prints, with an endpoint on a free port. */
export function onFreePort(config: string): string {
  return config.replace(/^( {2}- roleArn: .*)$/m, '$1\n    imds: { listen: "127.0.0.1:0" }');
}
