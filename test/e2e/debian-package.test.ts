import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { freePort } from '../support/free-port.ts';
import { readCredentials } from '../support/imds-client.ts';
import { mayMount, PrivateHost, RUNTIME } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/package.mjs');
const PACKAGE = 'imds-anywhere-system-node';
const LIBRARY = '/usr/lib/imds-anywhere';
const SERVICE = 'imds-anywhere.service';
const INSTANCE = 'imds-anywhere@other.service';
const EXAMPLE = '/usr/share/doc/imds-anywhere/examples/config.yaml';

// Compressing takes time, more on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let workshop: Workshop;
let emulator: RunningEmulator;
let host: PrivateHost;
let file: string;

function build(): string {
  const env = { ...process.env, DEBEMAIL: 'Somebody <somebody@example.com>', SOURCE_DATE_EPOCH: '1790000000' };
  return execFileSync(process.execPath, [SCRIPT, '--quick', '--directory', workshop.directory, 'deb-system-node'], {
    env,
    encoding: 'utf8',
  }).trim();
}

const digest = (): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describeWith(
  'dpkg, systemd or the right to mount',
  canInstall(),
  'the Debian package for the Node of the system',
  () => {
    beforeAll(async () => {
      workshop = await Workshop.open();
      emulator = await workshop.emulator();
      file = build();
      host = await PrivateHost.boot();
      await host.standInForProcess1();
      return async () => {
        await host.shutDown();
        await workshop.close();
      };
    });

    beforeEach(async () => {
      await host.run('dpkg', '--no-triggers', '--purge', 'imds-anywhere');
      await host.run('rm', '-rf', '/etc/imds-anywhere');
    });

    test('is reproducible, byte for byte', () => {
      const first = digest();
      build();
      expect(digest()).toBe(first);
    });

    test('depends on a supported Node', () => {
      const [, least = ''] = />=(\S+)/.exec(packageJson.engines.node) ?? [];
      expect(execFileSync('dpkg-deb', ['--field', file, 'Depends'], { encoding: 'utf8' })).toContain(
        `nodejs (>= ${least})`,
      );
    });

    test('installs', async () => {
      await install();
      expect(await host.run('imds-anywhere', 'version')).toBe(`${packageJson.version}\n`);
      expect(await host.run('dpkg', '--verify', PACKAGE)).toBe('');
    });

    test('makes the code cache with the Node that uses it, again when that is replaced, and deletes it', async () => {
      await install();
      expect(await cacheOfServe()).toBe('used');
      await host.run('sh', '-c', `rm ${LIBRARY}/dist/*.cache`);
      expect(await cacheOfServe()).toBe('none');
      // What dpkg calls for /usr/bin/node.
      expect(execFileSync('dpkg-deb', ['--info', file, 'triggers'], { encoding: 'utf8' })).toContain('/usr/bin/node');
      await host.run(`/var/lib/dpkg/info/${PACKAGE}.postinst`, 'triggered', '/usr/bin/node');
      expect(await cacheOfServe()).toBe('used');
      await host.run('dpkg', '--no-triggers', '--remove', PACKAGE);
      expect(await remains('/usr')).toBe('');
    });

    test('serves after the steps of the README: its example with other ARNs, and a key that only root can read', async () => {
      await install();
      const port = await startService();
      await eventually('a session', 30_000, async () =>
        (await host.property(SERVICE, 'StatusText')).startsWith('1 of 1 role fresh') ? true : undefined,
      );
      expect((await readCredentials(`http://127.0.0.1:${port}`)).status).toBe(200);
      // Through the admin socket of the example.
      const status = await host.run('imds-anywhere', 'status', '--config', '/etc/imds-anywhere/config.yaml');
      expect(status).toMatch(/: ready, up /);
    });

    test('an upgrade restarts the running units, including instances', async () => {
      await install();
      await startService();
      await startInstance();
      const processes = async (): Promise<string[]> => [
        await host.property(SERVICE, 'MainPID'),
        await host.property(INSTANCE, 'MainPID'),
      ];
      const before = await processes();
      await install();
      const after = await processes();
      expect([...new Set([...before, ...after])].filter((pid) => pid !== '0')).toHaveLength(4);
    });

    test('removal stops the units and deletes everything except the operator’s files', async () => {
      await install();
      await startService();
      await startInstance();
      await host.run('dpkg', '--no-triggers', '--remove', PACKAGE);
      for (const unit of [SERVICE, INSTANCE]) expect(await host.unitState(unit)).not.toBe('active');
      expect(await remains('/usr')).toBe('');
      // The links of systemctl enable.
      expect(await host.run('find', '/run/home/.config/systemd/user', '-type', 'l')).toBe('');
      expect((await host.run('ls', '/etc/imds-anywhere')).split('\n')).toEqual(
        expect.arrayContaining(['device.key', 'other.key']),
      );
      // Without DynamicUser=, there is a directory instead of a link.
      await host.write('/var/lib/imds-anywhere/kept', '');
      for (const kept of ['lib', 'log']) await host.write(`/var/${kept}/private/imds-anywhere/kept`, '');
      await host.run('dpkg', '--no-triggers', '--purge', PACKAGE);
      expect([await remains('/var/lib/private'), await remains('/var/log/private')]).toEqual(['', '']);
      expect(await host.run('ls', '/etc/imds-anywhere')).toContain('device.key');
    });
  },
);

async function install(): Promise<void> {
  // This machine may have Node without a package. Triggers would index every manual page.
  await host.run('dpkg', '--ignore-depends=nodejs', '--no-triggers', '--install', file);
}

/** Whether V8 used the code cache. */
async function cacheOfServe(): Promise<string> {
  const watcher = `const vm = require('node:vm');
    vm.Script = class extends vm.Script {
      constructor(source, options) {
        super(source, options);
        console.log(options.cachedData ? (this.cachedDataRejected ? 'rejected' : 'used') : 'none');
      }
    };`;
  await host.write('/run/watcher.cjs', watcher);
  const main = `${LIBRARY}/dist/main.js`;
  const said = await host.run('/usr/bin/node', '--require', '/run/watcher.cjs', main, 'serve', '--help');
  return said.split('\n', 1)[0] ?? '';
}

/** @returns the port of its endpoint. */
async function startService(): Promise<number> {
  const port = await freePort();
  for (const [name, mode] of Object.entries({ 'device.key': 0o600, 'device.pem': 0o644 }))
    await host.write(`/etc/imds-anywhere/${name}`, readFileSync(`${emulator.directory}/${name}`, 'utf8'), mode);
  await host.write('/etc/imds-anywhere/config.yaml', edited(await host.run('cat', EXAMPLE), port));
  await host.systemctl('enable', '--now', SERVICE);
  return port;
}

async function startInstance(): Promise<void> {
  const config = (await host.run('cat', '/etc/imds-anywhere/config.yaml'))
    .replace(SERVICE, INSTANCE)
    .replace('imds-anywhere/state', 'imds-anywhere-other/state')
    .replace('imds-anywhere/admin.sock', 'imds-anywhere-other/admin.sock')
    .replace(/listen: 127.*/, 'listen: 127.0.0.1:0');
  await host.write('/etc/imds-anywhere/other.yaml', config);
  await host.run('cp', '/etc/imds-anywhere/device.key', '/etc/imds-anywhere/other.key');
  await host.systemctl('enable', '--now', INSTANCE);
}

function canInstall(): boolean {
  return mayMount() && hasTool('/lib/systemd/systemd', '--version') && hasTool('dpkg-deb', '--version');
}

async function remains(directory: string): Promise<string> {
  return host.run('find', directory, '-name', '*imds-anywhere*', '-not', '-type', 'l');
}

/** The edits of the example in the README, and the other directories of a user manager. */
function edited(example: string, port: number): string {
  const own = (pattern: RegExp): string => pattern.exec(emulator.config)?.[0] ?? '';
  return example
    .replace(/trustAnchorArn: .*/, own(/trustAnchorArn: .*/))
    .replace(/profileArn: .*/, own(/profileArn: .*/))
    .replace(/# endpoint: .*/, own(/endpoint: .*/))
    .replace(/roleArn: .*/, own(/roleArn: .*/))
    .replace('127.0.0.1:9911', `127.0.0.1:${port}`)
    .replace(/^ {2}- name: reader\n(?: {4}.*\n)+/m, '')
    .replace('/run/credentials/', `${RUNTIME}/credentials/`)
    .replaceAll('/run/imds-anywhere/', `${RUNTIME}/imds-anywhere/`)
    .replace('/var/lib/', '/run/home/.config/');
}
