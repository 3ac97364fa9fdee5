import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { PROGRAM } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type Block, documentBlocks, entryOf, type Scenario } from './document-blocks.ts';
import { CALL, type PastingShell } from './pasting.ts';

// Runs the shell blocks of README.md and docs/ unchanged, each on its own host, and uses the
// result.

const ISOLATION = ['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const CLI = path.resolve(import.meta.dirname, '../../.cache/conformance/aws-cli-v2/cli');
const SCENE = path.join(import.meta.dirname, 'scene.sh');

const canRun =
  hasTool('unshare', ...ISOLATION, 'true') && hasTool('ip', '-V') && hasTool('curl', '-V') && hasTool('fish', '-v');

const blocks = documentBlocks().map((block) => ({ ...block, entry: entryOf(block), name: nameOf(block) }));
const runs = blocks.flatMap(({ entry, name, ...block }) =>
  entry && 'prints' in entry
    ? [block.shell, ...(entry.alsoIn ?? [])].map((shell) => [`${name}, in ${shell}`, block, entry, shell] as const)
    : [],
);

function nameOf({ file, text }: Block): string {
  return `${file}: ${(text.trim().split('\n')[0] ?? '').slice(0, 60)}`;
}

for (const { name, entry } of blocks)
  if (entry && 'cannotRun' in entry) process.stderr.write(`not run: "${name}": ${entry.cannotRun}\n`);

/** Several programs one after the other, on a busy machine. */
const SLOWEST_BLOCK_MS = 120_000;

describeWith('unshare, ip, curl or fish', canRun, 'a block of', () => {
  test.each(runs)(
    '%s',
    async (_name, block, scenario, shell) => {
      if (block.text.includes('\naws ') && !existsSync(CLI) && !hasTool('aws', '--version')) {
        process.stderr.write('left out: a block that calls aws: no AWS CLI; test/conformance/install.sh installs it\n');
        return;
      }
      expect(await outputOf(block, scenario, shell)).toMatch(scenario.prints);
    },
    SLOWEST_BLOCK_MS,
  );
});

async function outputOf(block: Block, scenario: Scenario, shell: PastingShell): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-block-'));
  const script = path.join(directory, 'block');
  await writeFile(script, scriptOf(block, scenario, shell));
  const child = spawn('unshare', [...ISOLATION, 'sh', SCENE, shell, script], {
    cwd: directory,
    env: {
      PATH: `${CLI}:${process.env['PATH'] ?? ''}`,
      ...{ NODE: process.execPath, CALL, DIST: path.dirname(PROGRAM), GIVEN: scenario.given ?? '' },
      ...scenario.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (text) => (stderr += String(text)));
  child.stdout.on('data', (text) => {
    stdout += String(text);
    if (scenario.isService && scenario.prints.test(stdout)) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== (scenario.endsWith ?? 0) && signal !== 'SIGKILL')
    throw new Error(`code ${String(code)}:\n${stdout}\n${stderr}`);
  return stdout;
}

function scriptOf({ text }: Block, { exchanged = {}, thenCalls, endsWith }: Scenario, shell: PastingShell): string {
  const lines = Object.entries(exchanged).reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`the block does not have: ${from}`);
    return before.replace(from, to);
  }, text);
  const call = thenCalls ? 'exec "$NODE" --no-warnings "$CALL"\n' : '';
  return `${shell === 'sh' && endsWith === undefined ? 'set -e\n' : ''}${lines}\n${call}`;
}
