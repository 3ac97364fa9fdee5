// Makes V8's code caches for the bundles in a directory, with the Node that will run them. Each command runs once against the emulator, so
// that what it needs at its start is compiled. The same bundles and the same Node give the same bytes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const KEEP = path.join(import.meta.dirname, 'keep-code.mjs');
// One thread and fixed seeds. Before Node 24, a cache is rejected if the sizes of the heap differ.
const FLAGS = ['--predictable', '--import', KEEP];

/**
 * @param {string} node - the program that runs the bundles later.
 * @param {string} dist - directory of main.js.
 * @param {number} idleMs - how long the daemon has done nothing when its start is over. Long enough for the same bytes each time: the
 * first check of the files is part of it.
 */
export async function makeCodeCaches(node, dist, idleMs = 2000) {
  const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-code-'));
  const main = path.join(dist, 'main.js');
  const emulator = started(
    process.execPath,
    [main, 'emulate', '--dir', directory, '--listen', '127.0.0.1:0'],
    directory,
  );
  try {
    const account = await emulator.says(/^identity:[^]*\n#/m);
    const config = path.join(directory, 'config.yaml');
    const imds = '    imds: { listen: "127.0.0.1:0" }';
    await writeFile(config, `${account.replace(/#.*$/, '')}${imds}\nsocket: { path: ${directory}/daemon.sock }\n`);
    const warm = (...args) => started(node, [...FLAGS, main, ...args], directory);
    const serve = warm('serve', config);
    await serve.says(/role session granted/);
    await untilIdle(serve.pid, idleMs);
    await serve.stop();
    // With an option for commander, so that its code is included. A plain command line does without.
    await warm('credential-process', '--config', config, '--debug', '--socket', `${directory}/none.sock`).ended();
    await warm('check-config', config).ended();
  } finally {
    await emulator.stop();
    await rm(directory, { recursive: true });
  }
}

function started(program, args, home) {
  const child = spawn(program, args, { env: { HOME: home, PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const exit = once(child, 'exit');
  const says = async (pattern) => {
    for (;;) {
      const [found] = pattern.exec(text) ?? [];
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`${args.join(' ')} ended with ${child.exitCode}: ${text}`);
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), exit]);
    }
  };
  const ended = async () => {
    const [code] = await exit;
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${text}`);
  };
  const stop = async () => {
    child.kill();
    await exit;
  };
  return { pid: child.pid, says, ended, stop };
}

/** Resolves when a process has slept for so long, however busy the machine is. */
async function untilIdle(pid, ms) {
  let before;
  for (let slept = 0; slept < ms;) {
    await pause(100);
    // After the name: the state, and from the 12th field on the CPU times.
    const [state, ...fields] = (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /, '').split(' ');
    const cpu = fields.slice(10, 12).join(' ');
    slept = state === 'S' && cpu === before ? slept + 100 : 0;
    before = cpu;
  }
}
