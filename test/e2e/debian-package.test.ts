import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { readCredentials } from '../support/imds-client.ts';
import { mayMount, PrivateHost, RUNTIME } from '../support/private-host.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, type RunningEmulator } from '../support/workshop.ts';
import packageJson from '../../package.json' with { type: 'json' };

const SCRIPT = path.resolve(import.meta.dirname, '../../scripts/package-deb.mjs');
const SERVICE = 'imds-anywhere.service';

// Compressing is real work, and the machine may have other work to do.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let workshop: Workshop;
let emulator: RunningEmulator;
let host: PrivateHost;
let file: string;

function build(): string {
  const env = { ...process.env, DEBEMAIL: 'Somebody <somebody@example.com>', SOURCE_DATE_EPOCH: '1790000000' };
  return execFileSync(process.execPath, [SCRIPT, workshop.directory], { env, encoding: 'utf8' }).trim();
}

const digest = (): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describeWith('dpkg, systemd or the right to mount', canInstall(), 'the Debian package', () => {
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

  test('is the same, byte for byte, when it is made again', () => {
    const first = digest();
    build();
    expect(digest()).toBe(first);
  });

  test('wants a Node that the program runs on', () => {
    const [, least = ''] = />=(\S+)/.exec(packageJson.engines.node) ?? [];
    expect(execFileSync('dpkg-deb', ['--field', file, 'Depends'], { encoding: 'utf8' })).toContain(
      `nodejs (>= ${least})`,
    );
  });

  test('installs', async () => {
    // Node may have come to this machine without a package; triggers index every manual page there is.
    await host.run('dpkg', '--ignore-depends=nodejs', '--no-triggers', '--install', file);
    expect(await host.run('imds-anywhere', 'version')).toBe(`${packageJson.version}\n`);
    expect(await host.run('dpkg', '--verify', 'imds-anywhere')).toBe('');
  });

  test('serves what the configuration says, once that is there', async () => {
    const port = await freePort();
    const secret = { 'device.key': 0o600, 'device.pem': 0o644 };
    for (const [name, mode] of Object.entries(secret))
      await host.write(`/etc/imds-anywhere/${name}`, readFileSync(`${emulator.directory}/${name}`, 'utf8'), mode);
    await host.write('/etc/imds-anywhere/config.yaml', configuration(port));
    await host.systemctl('start', SERVICE);
    expect((await readCredentials(`http://127.0.0.1:${port}`)).status).not.toBe(404);
    expect(await host.unitState(SERVICE)).toBe('active');
  });

  test('removed, it has ended and is gone, but for what the operator wrote', async () => {
    await host.run('dpkg', '--no-triggers', '--remove', 'imds-anywhere');
    expect(await host.unitState(SERVICE)).not.toBe('active');
    expect(await remains('/usr')).toBe('');
    expect(await host.run('ls', '/etc/imds-anywhere')).toBe('config.yaml\ndevice.key\ndevice.pem\n');
    for (const kept of ['lib', 'log']) await host.write(`/var/${kept}/private/imds-anywhere/kept`, '');
    await host.run('dpkg', '--no-triggers', '--purge', 'imds-anywhere');
    expect([await remains('/var/lib/private'), await remains('/var/log/private')]).toEqual(['', '']);
    expect(await host.run('ls', '/etc/imds-anywhere')).toContain('device.key');
  });
});

function canInstall(): boolean {
  return mayMount() && hasTool('/lib/systemd/systemd', '--version') && hasTool('dpkg-deb', '--version');
}

async function remains(directory: string): Promise<string> {
  return host.run('find', directory, '-name', '*imds-anywhere*', '-not', '-type', 'l');
}

function configuration(port: number): string {
  return emulator.config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${SERVICE}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:${port}" }`);
}
