import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { recordedPage, RecordedShell } from './recorded-shell.ts';

// The recording in docs/first-session.md is what a shell prints in an empty directory, except for serial numbers,
// times and ports. `--update` records it again.

const PAGE = path.resolve(import.meta.dirname, '../../docs/first-session.md');
const EMULATE = 'imds-anywhere emulate --dir emulator';
/** In the page, and a port where nothing listens. */
const [ENDPOINT, CLOSED] = ['127.0.0.1:9911', '127.0.0.1:2'];

let shell: RecordedShell;
beforeAll(async () => {
  shell = await RecordedShell.open();
  return shell.close;
});

let emulator = '127.0.0.1:9919';

async function run(command: string): Promise<string> {
  if (command.trim() === EMULATE) return emulated();
  const printed = await shell.run(command.replaceAll('127.0.0.1:9919', emulator));
  if (command.startsWith('imds-anywhere init')) await closeEndpoint();
  return asInPage(printed);
}

/** In the page it runs in another terminal, and listens on its default port. */
async function emulated(): Promise<string> {
  const words = EMULATE.split(' ').slice(1);
  const program = shell.workshop.start([...words, '--listen', '127.0.0.1:0'], { cwd: shell.workshop.directory });
  await program.says(/AWS_DEFAULT_REGION=.*\n/);
  [, emulator = ''] = /endpoint: http:\/\/(\S+)/.exec(program.stdout) ?? [];
  return asInPage(program.stdout);
}

async function closeEndpoint(): Promise<void> {
  const file = path.join(shell.workshop.directory, 'config.yaml');
  const written = await readFile(file, 'utf8');
  expect(written).toContain(ENDPOINT);
  await writeFile(file, written.replace(ENDPOINT, CLOSED));
}

function asInPage(printed: string): string {
  return printed
    .replaceAll(emulator, '127.0.0.1:9919')
    .replaceAll(/127\.0\.0\.1:2(?!\d)/g, ENDPOINT)
    .replaceAll(/\d+ s from that of/g, '0 s from that of');
}

test('docs/first-session.md shows what is printed, up to a session', { timeout: 120_000 }, async () => {
  const after = await recordedPage(await readFile(PAGE, 'utf8'), run);
  expect(after).toMatch(/^arn:aws:iam::111122223333:role\/devices until 2026-12-01T13:00:00Z$/m);
  await expect(after).toMatchFileSnapshot(PAGE);
});
