import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { loadLibc } from '../../src/platform/libc.ts';
import { isRoot } from '../support/as-user.ts';
import { PROGRAM } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// A process of the daemon's own user searches the daemon's memory for session keys. It is the
// daemon's parent, because Yama allows only parents to read.

const UID = 12_345;

/** Starts a program, waits for its output, and searches all of its writable memory for a word. */
const SEARCH = `
import { spawn } from 'node:child_process';
import { openSync, readFileSync, readSync } from 'node:fs';
const [pattern, word, ...command] = process.argv.slice(2);
const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'inherit', 'pipe'] });
let said = '';
for await (const text of child.stderr) if (((said += text)), said.includes(pattern)) break;
const found = () => {
  const memory = openSync('/proc/' + child.pid + '/mem', 'r');
  let count = 0;
  for (const line of readFileSync('/proc/' + child.pid + '/maps', 'latin1').split('\\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (!from || Number.parseInt(to, 16) - Number.parseInt(from, 16) > 2 ** 28) continue;
    const bytes = Buffer.alloc(Number.parseInt(to, 16) - Number.parseInt(from, 16));
    try { readSync(memory, bytes, 0, bytes.length, BigInt('0x' + from)); } catch { continue; }
    for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + 1)) count += 1;
  }
  return count;
};
const attempt = () => { try { return found(); } catch ({ code }) { return code; } };
const limits = readFileSync('/proc/' + child.pid + '/limits', 'latin1');
console.log(JSON.stringify({ found: attempt(), core: /Max core file size +(\\S+)/.exec(limits)[1], said }));
child.kill('SIGKILL');
process.exit();
`;

interface Found {
  readonly found: number | string;
  readonly core: string;
  readonly said: string;
}

const koffi = path.resolve(import.meta.dirname, '../../node_modules');
const canRun = isRoot && process.platform === 'linux' && (await loadLibc()) !== undefined;

describeWith('root on Linux with koffi', canRun, 'memory of the daemon', () => {
  let workshop: Workshop;
  let emulator: RunningEmulator;

  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    await fetch(`${emulator.url}/_emulator/faults`, {
      method: 'PUT',
      body: JSON.stringify({ createSession: { credentials: { secretAccessKey: 'marked-secret-access-key' } } }),
    });
    return workshop.close;
  });

  async function search(pattern: string, command: readonly string[]): Promise<Found> {
    const script = path.join(workshop.directory, 'search.mjs');
    await writeFile(script, SEARCH);
    const args = [script, pattern, 'marked-secret-access-key', ...command];
    const { stdout } = await promisify(execFile)(process.execPath, args, { uid: UID, gid: UID, env: {} });
    return JSON.parse(stdout.split('\n').findLast((line) => line.startsWith('{"found"')) ?? '') as Found;
  }

  /** A copy of the program and its identity that the user can read. @returns the configuration. */
  async function install(name: string, withKoffi: boolean): Promise<readonly string[]> {
    await chmod(workshop.directory, 0o755);
    const home = path.join(workshop.directory, name);
    await mkdir(home);
    await cp(path.dirname(PROGRAM), path.join(home, 'dist'), { recursive: true });
    if (withKoffi)
      for (const part of ['koffi', '@koromix'])
        await cp(path.join(koffi, part), path.join(home, 'node_modules', part), { recursive: true });
    for (const file of ['device.pem', 'device.key']) {
      await copyFile(path.join(emulator.directory, file), path.join(home, file));
      await chown(path.join(home, file), UID, UID);
    }
    await writeFile(path.join(home, 'config.yaml'), onFreePort(emulator.config).replaceAll(emulator.directory, home));
    return [process.execPath, path.join(home, 'dist/main.js'), 'serve', path.join(home, 'config.yaml')];
  }

  test('is closed to other processes of its user, and to core files', async () => {
    const { found, core, said } = await search('role session granted', await install('closed', true));
    expect(said).not.toContain('MEMORY_READABLE');
    expect({ found, core }).toEqual({ found: 'EACCES', core: '0' });
  });

  test('is open without koffi, as this search shows, and the log reports that', async () => {
    const { found, said } = await search('role session granted', await install('open', false));
    expect(said).toContain('MEMORY_READABLE');
    expect(found).toBeGreaterThan(0);
  });
});
