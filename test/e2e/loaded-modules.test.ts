// Modules of Node that a start can do without. Each takes milliseconds, and one import is enough to
// load it.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { run } from '../support/program.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

/** Node writes the names of the modules that it has loaded to a file, when the program ends. */
async function watched(name: string): Promise<{ NODE_OPTIONS: string; loaded: () => Promise<readonly string[]> }> {
  const file = path.join(workshop.directory, `${name}.json`);
  const preload = await workshop.write(
    `${name}.cjs`,
    `const { writeFileSync } = require('node:fs');
    process.on('exit', () => writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.moduleLoadList)));`,
  );
  const loaded = async (): Promise<readonly string[]> =>
    (JSON.parse(await readFile(file, 'utf8')) as readonly string[]).map((entry) => entry.split(' ').at(-1) ?? '');
  return { NODE_OPTIONS: `--require=${preload}`, loaded };
}

test('credential-process needs little more than node:net to ask a daemon', async () => {
  const socket = path.join(workshop.directory, 'daemon.sock');
  const config = await workshop.write('socket.yaml', `${onFreePort(emulator.config)}socket: { path: ${socket} }\n`);
  await workshop.start(['serve', config]).says(/role session granted/);
  const { loaded, ...env } = await watched('socket');
  const { code, stderr } = await run(['credential-process', '--socket', socket], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const names = await loaded();
  expect(names).toContain('net');
  expect(names.filter((name) => ['crypto', 'http', 'fs/promises', 'child_process'].includes(name))).toEqual([]);
});

test('credential-process with a kept session loads no HTTP, TLS, processes or file handles', async () => {
  const config = await workshop.write('kept.yaml', emulator.config);
  const asked = ['credential-process', '-c', config, '--socket', path.join(workshop.directory, 'none.sock')];
  const home = { HOME: path.join(workshop.directory, 'home') };
  const { loaded, ...env } = await watched('kept');
  const first = await run(asked, { env: home });
  const second = await run(asked, { env: { ...home, ...env } });
  expect(second).toEqual({ ...first, code: 0, stderr: '' });
  const names = await loaded();
  expect(names).toContain('crypto');
  expect(names.filter((name) => ['http', 'tls', 'fs/promises', 'child_process'].includes(name))).toEqual([]);
});

test('serve loads no TLS for an endpoint without it, and nothing that only messages need', async () => {
  const { loaded, ...env } = await watched('serve');
  const { program } = await workshop.daemon(onFreePort(emulator.config), { env });
  await program.says(/role session granted/);
  await program.stop();
  const names = await loaded();
  expect(names).toContain('http');
  const unneeded = ['tls', 'https', 'http2', 'zlib', 'assert', 'internal/util/diff', 'internal/assert/myers_diff'];
  unneeded.push('perf_hooks', 'fs/promises');
  expect(names.filter((name) => unneeded.includes(name))).toEqual([]);
});

test('metrics load nothing to push them, to compress them or for traces', async () => {
  const { loaded, ...env } = await watched('metrics');
  const config = `${onFreePort(emulator.config)}admin: { listen: "127.0.0.1:0" }\n`;
  const { program } = await workshop.daemon(config, { env });
  await program.says(/role session granted/);
  const admin = /"admin":\["([^"]+)"/.exec(program.stderr)?.[1] ?? '';
  expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(/^process_cpu_seconds_total \d/m);
  await program.stop();
  const names = await loaded();
  expect(names.filter((name) => ['tls', 'https', 'http2', 'zlib'].includes(name))).toEqual([]);
});
