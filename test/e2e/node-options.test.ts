import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, PROGRAM } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// The ways to harden Node in docs/systemd.md, with the real program.

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

function started(command: readonly string[]): { readonly child: ChildProcess; readonly said: () => string } {
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  return { child, said: () => said };
}

async function served(said: () => string): Promise<void> {
  const url = await eventually(`an address in:\n${said()}`, 60_000, () => /ENDPOINT=(http:\S+)/.exec(said())?.[1]);
  await eventually(`a session in:\n${said()}`, 60_000, () => (said().includes('session granted') ? true : undefined));
  expect(await readCredentials(url)).toMatchObject({ status: 200, document: { Code: 'Success' } });
}

/**
 * MemoryDenyWriteExecute= of systemd, as in the kernel since 6.3 (PR_SET_MDWE). Child programs
 * inherit it.
 */
const NO_WRITABLE_CODE = `
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0: sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
`;

async function deniesWritableCode(): Promise<boolean> {
  if (process.platform !== 'linux' || !hasTool('python3', '--version')) return false;
  const [code] = (await once(spawn('python3', ['-c', NO_WRITABLE_CODE, '/bin/true']), 'exit')) as [number];
  return code === 0;
}

describeWith(
  'Linux 6.3 and python3',
  await deniesWritableCode(),
  'memory that is never writable and executable',
  () => {
    const confined = (...args: readonly string[]): readonly string[] => [
      'python3',
      '-c',
      NO_WRITABLE_CODE,
      process.execPath,
      ...args,
    ];

    test('works with --jitless', { timeout: 120_000 }, async () => {
      const file = await workshop.write('jitless.yaml', onFreePort(emulator.config));
      const { said } = started(confined('--jitless', PROGRAM, 'serve', file));
      await served(said);
      expect(said()).not.toContain('MEMORY_READABLE');
    });

    test('ends Node otherwise, as this shows', { timeout: 60_000 }, async () => {
      const { child } = started(confined(PROGRAM, 'version'));
      const [code] = (await once(child, 'exit')) as [number | null];
      expect(code).not.toBe(0);
    });
  },
);

const [major = 0] = process.versions.node.split('.').map(Number);

describeWith('Node 22 or later (run with one of them by .ci/run)', major >= 22, "Node's permission model", () => {
  test(
    'supports a daemon that writes no files: it can write nowhere, and start nothing',
    { timeout: 120_000 },
    async () => {
      const file = await workshop.write('permission.yaml', onFreePort(emulator.config));
      const network = major >= 26 ? ['--allow-net'] : [];
      const flags = ['--permission', '--allow-fs-read=*', '--allow-worker', '--allow-addons', ...network];
      const { said } = started([process.execPath, ...flags, PROGRAM, 'serve', file]);
      await served(said);
      expect(said()).not.toMatch(/"level":"(warn|error)"|ERR_ACCESS_DENIED/);
    },
  );
});
