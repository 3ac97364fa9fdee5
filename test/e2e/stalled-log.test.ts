import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { throughShell } from './shell.ts';

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

/** The reading end of a pipe, which is read only on demand. */
class SlowReader {
  readonly file: string;
  readonly #descriptor: number;
  text = '';

  constructor(file: string) {
    execFileSync('mkfifo', [file]);
    this.file = file;
    this.#descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** Everything that is in it now. */
  read(): void {
    const chunk = Buffer.alloc(65_536);
    try {
      for (let size = 1; size > 0; this.text += chunk.toString('utf8', 0, size))
        size = readSync(this.#descriptor, chunk);
    } catch {
      // EAGAIN: nothing more yet.
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

describeWith('mkfifo', hasTool('mkfifo', '--version'), 'the reader of the log or the output', () => {
  it('is stuck: clients are served, and dropped lines are counted when it reads again; when it exits, clients are still served', async () => {
    const reader = new SlowReader(path.join(workshop.directory, 'log'));
    const emulator = await workshop.emulator();
    const file = await workshop.write('debug.yaml', `${onFreePort(emulator.config)}\nlog: { level: debug }\n`);
    const program = throughShell('exec "$@" 2>"$LOG"', ['serve', file], { env: { LOG: reader.file } });
    const [, url = ''] = await program.says(/AWS_EC2_METADATA_SERVICE_ENDPOINT=(http:\S+)/);
    await eventually('credentials', 60_000, async () => (await readCredentials(url)).document);
    // Three lines of about 150 bytes each, into a pipe that holds 64 KiB.
    for (let reading = 0; reading < 300; reading += 1) expect((await readCredentials(url)).status).toBe(200);
    await eventually('the end of the silence', 60_000, async () => {
      reader.read();
      await readCredentials(url);
      return /"linesLost":\d+/.exec(reader.text) ?? undefined;
    });
    for (const line of reader.text.trimEnd().split('\n')) expect(JSON.parse(line)).toBeTypeOf('object');
    reader.close();
    expect((await readCredentials(url)).status).toBe(200);
    expect((await program.stop()).code).toBe(0);
  });

  it('reads the first line, and exits: printing a new endpoint then is no error', async () => {
    const reader = new SlowReader(path.join(workshop.directory, 'output'));
    const emulator = await workshop.emulator();
    const config = onFreePort(emulator.config);
    const file = await workshop.write('output.yaml', config);
    const program = throughShell('exec "$@" >"$OUT"', ['serve', file], { env: { OUT: reader.file } });
    await eventually('the first line', 60_000, () => {
      reader.read();
      return reader.text.includes('export ') || undefined;
    });
    reader.close();
    await program.says(/"msg":"role session granted"/);
    await workshop.write('output.yaml', config.replace('imds: {', 'imds: { allowedHosts: [host.example],'));
    await program.says(/"reopened":\["device"\]/);
    process.kill(program.pid, 'SIGHUP');
    await eventually('a second look', 15_000, () =>
      program.log.filter(({ msg }) => msg === 'configuration applied').length > 1 ? true : undefined,
    );
    expect(program.log.map(({ code }) => code)).not.toContain('INTERNAL');
    expect((await program.stop()).code).toBe(0);
  });
});
