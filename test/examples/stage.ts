import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { EXAMPLE_TOOLS, Moto } from '../support/moto.ts';
import type { RunningProgram } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LONGEST_RUN_MS = 120_000;

export interface Ended {
  readonly code: number;
  readonly output: string;
}

type Event = Readonly<Record<string, unknown>>;

/** Not what following its README has left there. */
function isOfTheExample(file: string): boolean {
  return !/\.(?:pem|key|srl)$|\/state$/.test(file);
}

/** An example in a directory of its own, with moto and the emulator on free ports. */
export class Stage {
  readonly #workshop: Workshop;
  readonly #moto: Moto;
  readonly #imdsPort: number;
  readonly emulatorUrl: string;
  readonly emulator: RunningProgram;

  private constructor(
    workshop: Workshop,
    moto: Moto,
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
    await cp(path.join(ROOT, 'examples', example), directory, { recursive: true, filter: isOfTheExample });
    await promisify(execFile)('sh', [path.join(ROOT, 'examples/certificates.sh'), ...names], { cwd: directory });
    const moto = await Moto.start(directory);
    const program = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0', '--backend', moto.url]);
    const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
    const stage = new Stage(workshop, moto, await freePort(), { program, url });
    const { code, output } = await stage.run('python3', ['prepare.py'], { BACKEND: moto.url });
    if (code === 0) return stage;
    await stage.close();
    throw new Error(output);
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
      PATH: `${EXAMPLE_TOOLS}:${process.env['PATH'] ?? ''}`,
      HOME: this.directory,
      AWS_ENDPOINT_URL: this.emulatorUrl,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${this.#imdsPort}`,
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_CONFIG_FILE: path.join(this.directory, 'aws-config'),
      ...more,
    };
    return new Promise((resolve) => {
      const options = { env, cwd: this.directory, timeout: LONGEST_RUN_MS };
      execFile(path.join(EXAMPLE_TOOLS, tool), args, options, (error, stdout, stderr) => {
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
    await this.#moto.close();
  }
}
