import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** .ci/run installs examples/requirements.txt here. */
const TOOLS = path.join(ROOT, '.cache/examples/bin');
const START_MS = 120_000;

export const TOOLS_NAME = 'moto and the AWS CLI in .cache/examples (.ci/run installs them)';

export function hasTools(): boolean {
  return hasTool(path.join(TOOLS, 'aws'), '--version') && hasTool('openssl', 'version');
}

export interface Ended {
  readonly code: number;
  readonly output: string;
}

type Event = Readonly<Record<string, unknown>>;

/** An example in a directory of its own, with moto and the emulator on free ports. */
export class Stage {
  readonly #workshop: Workshop;
  readonly #moto: ChildProcess;
  readonly #imdsPort: number;
  readonly emulatorUrl: string;
  readonly emulator: RunningProgram;

  private constructor(
    workshop: Workshop,
    moto: ChildProcess,
    imdsPort: number,
    { program, url }: { readonly program: RunningProgram; readonly url: string },
  ) {
    this.#workshop = workshop;
    this.#moto = moto;
    this.#imdsPort = imdsPort;
    this.emulator = program;
    this.emulatorUrl = url;
  }

  static async open(example: string, ...names: readonly string[]): Promise<Stage> {
    const workshop = await Workshop.open();
    const { directory } = workshop;
    await cp(path.join(ROOT, 'examples', example), directory, { recursive: true });
    await promisify(execFile)('sh', [path.join(ROOT, 'examples/certificates.sh'), ...names], { cwd: directory });
    const [motoPort, imdsPort] = [await freePort(), await freePort()];
    const backend = `http://127.0.0.1:${motoPort}`;
    // moto uses boto3, too, which must not find the tester's configuration.
    const env = { PATH: process.env['PATH'], HOME: directory };
    const moto = spawn(path.join(TOOLS, 'moto_server'), ['-p', String(motoPort)], { stdio: 'ignore', env });
    const program = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0', '--backend', backend]);
    const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
    const stage = new Stage(workshop, moto, imdsPort, { program, url });
    await stage.#prepare(backend).catch(async (error: unknown) => {
      await stage.close();
      throw error;
    });
    return stage;
  }

  async #prepare(backend: string): Promise<void> {
    await eventually('moto', START_MS, () =>
      fetch(backend).then(
        () => true,
        () => undefined,
      ),
    );
    const { code, output } = await this.run('python3', ['prepare.py'], { BACKEND: backend });
    if (code !== 0) throw new Error(output);
  }

  get directory(): string {
    return this.#workshop.directory;
  }

  /** The example's configuration, with the addresses of this run. */
  async configuration(change = (text: string): string => text): Promise<string> {
    const text = await readFile(path.join(this.directory, 'config.yaml'), 'utf8');
    const here = text.replace('http://127.0.0.1:9919', this.emulatorUrl).replace('9911', String(this.#imdsPort));
    const file = path.join(this.directory, 'here.yaml');
    await writeFile(file, change(here), { mode: 0o600 });
    return file;
  }

  /** Starts the daemon. Its endpoint always has the same address. */
  async daemon(change?: (text: string) => string): Promise<RunningProgram> {
    const program = this.#workshop.start(['serve', await this.configuration(change)], { cwd: this.directory });
    await program.says(/AWS_EC2_METADATA_SERVICE_ENDPOINT/);
    return program;
  }

  /** A command of imds-anywhere, to its end. */
  async command(...args: readonly string[]): Promise<Ended> {
    const { code, stdout, stderr } = await this.#workshop.start(args, { cwd: this.directory }).ended;
    return { code: code ?? -1, output: stdout + stderr };
  }

  /** An unmodified client, with nothing but addresses in its environment. */
  run(tool: 'python3' | 'aws', args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const env = {
      PATH: `${TOOLS}:${process.env['PATH'] ?? ''}`,
      HOME: this.directory,
      AWS_ENDPOINT_URL: this.emulatorUrl,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${this.#imdsPort}`,
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_CONFIG_FILE: path.join(this.directory, 'aws-config'),
      ...more,
    };
    return new Promise((resolve) => {
      const options = { env, cwd: this.directory, timeout: START_MS };
      execFile(path.join(TOOLS, tool), args, options, (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
        resolve({ code, output: stdout + stderr });
      });
    });
  }

  async events(): Promise<readonly Event[]> {
    return (await (await fetch(`${this.emulatorUrl}/_emulator/events`)).json()) as Event[];
  }

  /** Whether the line to AWS is up. */
  async line(isUp: boolean): Promise<void> {
    const method = isUp ? 'DELETE' : 'PUT';
    const body = isUp ? {} : { body: JSON.stringify({ createSession: { reset: true } }) };
    await fetch(`${this.emulatorUrl}/_emulator/faults`, { method, ...body });
  }

  async close(): Promise<void> {
    await this.#workshop.close();
    if (this.#moto.exitCode !== null || this.#moto.signalCode !== null) return;
    const ended = once(this.#moto, 'exit');
    this.#moto.kill('SIGKILL');
    await ended;
  }
}
