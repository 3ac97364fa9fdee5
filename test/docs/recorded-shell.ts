import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROGRAM } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

const BLOCK = /^(```\n\$ .*\n(?:> .*\n)*[^]*?^```)$/m;

/** A directory where the commands of a page run one after the other, with `imds-anywhere` and `node` in PATH. */
export class RecordedShell {
  readonly #programs: string;
  readonly workshop: Workshop;

  static async open(): Promise<RecordedShell> {
    const programs = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-bin-'));
    const start = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
    await writeFile(path.join(programs, 'imds-anywhere'), start, { mode: 0o755 });
    return new RecordedShell(await Workshop.open(), programs);
  }

  private constructor(workshop: Workshop, programs: string) {
    this.workshop = workshop;
    this.#programs = programs;
  }

  /** What it prints, whatever its exit code. */
  readonly run = async (command: string): Promise<string> =>
    new Promise((resolve) => {
      const search = [this.#programs, path.dirname(process.execPath), process.env['PATH'] ?? ''].join(':');
      const env = { PATH: search, HOME: this.workshop.directory };
      execFile('sh', ['-c', command], { cwd: this.workshop.directory, env }, (_error, stdout, stderr) => {
        resolve(`${stdout}${stderr}`);
      });
    });

  readonly close = async (): Promise<void> => {
    await this.workshop.close();
    await rm(this.#programs, { recursive: true });
  };
}

/** The page with new output under each command. Serial numbers and times are always the same ones. */
export async function recordedPage(page: string, run: (command: string) => Promise<string>): Promise<string> {
  const after: string[] = [];
  for (const part of page.split(BLOCK)) {
    const [, shown] = /^```\n\$ (.*\n(?:> .*\n)*)/.exec(part) ?? [];
    after.push(
      shown === undefined ? part : `\`\`\`\n$ ${shown}${steady(await run(shown.replaceAll(/^> /gm, '')))}\`\`\``,
    );
  }
  if (after.length < 2) throw new Error('the page has no recording');
  return after.join('');
}

function steady(printed: string): string {
  return printed
    .replaceAll(/(?<=assumed-role\/\w+\/)[0-9a-f]+/g, '5a01')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, '2026-12-01T13:00:00Z');
}
