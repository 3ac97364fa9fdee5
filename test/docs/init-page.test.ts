import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { PROGRAM } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

// The recordings in docs/init.md are what a shell prints, one after the other in one directory, except for serial
// numbers and times. `--update` records them again.

const PAGE = path.resolve(import.meta.dirname, '../../docs/init.md');

let workshop: Workshop;
let programs: string;
beforeAll(async () => {
  workshop = await Workshop.open();
  programs = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-bin-'));
  const start = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
  await writeFile(path.join(programs, 'imds-anywhere'), start, { mode: 0o755 });
  return async () => {
    await workshop.close();
    await rm(programs, { recursive: true });
  };
});

async function recorded(command: string): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command], {
    cwd: workshop.directory,
    env: { PATH: `${programs}:${process.env['PATH'] ?? ''}`, HOME: workshop.directory },
  });
  const printed = `${stdout}${stderr}`
    .replaceAll(/(?<=assumed-role\/\w+\/)[0-9a-f]+/g, '5a01')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]{8}Z/g, '2026-12-01T13:00:00Z');
  return `\`\`\`\n$ ${command}\n${printed}\`\`\``;
}

test('docs/init.md shows what is printed', async () => {
  const parts = (await readFile(PAGE, 'utf8')).split(/^(```\n\$ .*\n[^]*?^```)$/m);
  const after: string[] = [];
  for (const part of parts) {
    const [, command] = /^```\n\$ (.*)\n/.exec(part) ?? [];
    after.push(command === undefined ? part : await recorded(command));
  }
  expect(parts.length).toBeGreaterThan(2);
  await expect(after.join('')).toMatchFileSnapshot(PAGE);
});
