import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { mayMount } from '../support/private-host.ts';
import { PROGRAM, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

// If the parent reports ENOENT, Node's recursive mkdir loops forever: below /proc, and in a mount
// whose source is gone.

let workshop: Workshop;
let config: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  config = await workshop.write('config.yaml', (await workshop.emulator()).config);
  return workshop.close;
});

describeWith('Linux', process.platform === 'linux', 'a directory that cannot be created', () => {
  test('costs credential-process its cache, and nothing else', async () => {
    const outcome = await run(['credential-process', '--config', config], { env: { XDG_CACHE_HOME: '/proc' } });
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining('CACHE_NOT_WRITTEN') as string });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ Version: 1 });
  });

  test('makes update fail', async () => {
    const env = { AWS_SHARED_CREDENTIALS_FILE: '/proc/x/credentials' };
    const outcome = await run(['update', '--once', '--no-cache', '--config', config], { env });
    expect(outcome).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('CREDENTIALS_FILE_NOT_WRITTEN') as string,
    });
  });

  test('is logged by serve, which continues without a state directory and stays idle', async () => {
    const file = await workshop.write('state.yaml', `${readFileSync(config, 'utf8')}\nstateDirectory: /proc/x/state\n`);
    const program = workshop.start(['serve', file]);
    await program.says(/STATE_NOT_WRITTEN/);
    const before = ticks(program.pid);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(ticks(program.pid) - before).toBeLessThan(60);
    await program.stop();
  });

  test('makes serve reject a socket there', async () => {
    const file = await workshop.write(
      'socket.yaml',
      `${readFileSync(config, 'utf8')}\nsocket: { path: /proc/x/s.sock }\n`,
    );
    const outcome = await run(['serve', file]);
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('SOCKET_CANNOT_LISTEN') as string });
  });
});

const MAY_MOUNT = mayMount() && hasTool('unshare', '--version');

describeWith('right to mount', MAY_MOUNT, 'a full file system', () => {
  /** Asks a signer command for a signature. @param full - the places without room. */
  function request(...full: readonly string[]): { readonly status: number | null; readonly stderr: string } {
    const script = `cd "$1"; mkdir -p signer; export TMPDIR="$1/signer"; for place in ${full.join(' ')}; do
        mount -t tmpfs -o size=64k tmpfs "$place"; dd if=/dev/zero of="$place/full" 2>/dev/null || true; done
      exec "$2" "$3" csr --config signer.yaml --subject CN=device-0001`;
    const args = ['--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', workshop.directory];
    const outcome = spawnSync('unshare', [...args, process.execPath, PROGRAM], { encoding: 'utf8', timeout: 30_000 });
    return { status: outcome.status, stderr: outcome.stderr };
  }

  beforeAll(async () => {
    const emulated = readFileSync(config, 'utf8');
    const [, certificate = ''] = /certificate: (\S+)/.exec(emulated) ?? [];
    const identity = `identity: { certificate: ${certificate}, signer: { command: [/bin/false] } }\n`;
    const text = emulated.replace(/^identity:\n(?: .*\n)+/m, identity);
    await workshop.write('signer.yaml', text);
  });

  test('for the files of a program is an error with a code', () => {
    const { status, stderr } = request('/dev/shm', 'signer');
    expect([status, stderr]).toEqual([1, expect.stringContaining('SIGNER_NO_SPACE')]);
  });

  test('is not used if another place has room', () => {
    expect(request('/dev/shm').stderr).toMatch(/SIGNER_(?!NO_SPACE)/);
  });
});

describeWith('right to mount', MAY_MOUNT, 'a mount whose source is gone', () => {
  test('costs credential-process its cache, and nothing else', () => {
    const script = `cd "$1"; mkdir source mount; mount --bind source mount; rmdir source
      XDG_CACHE_HOME="$1/mount" exec "$2" "$3" credential-process --config "$4"`;
    const args = ['--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', workshop.directory];
    const stdout = execFileSync('unshare', [...args, process.execPath, PROGRAM, path.resolve(config)], {
      encoding: 'utf8',
      timeout: 30_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(JSON.parse(stdout)).toMatchObject({ Version: 1 });
  });
});

/** CPU time so far, in hundredths of a second: proc_pid_stat(5). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
