import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { mayMount, PrivateHost, RUNTIME } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, type RunningEmulator } from '../support/workshop.ts';

const SERVICE = 'imds-anywhere.service';
const JOURNALD = '/lib/systemd/systemd-journald';
const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version') && hasTool('journalctl', '--version');

let workshop: Workshop;
let emulator: RunningEmulator;
let host: PrivateHost;
let port: number;

describeWith('systemd with its journal, or not the right to mount', canBoot, 'the journal of the service', () => {
  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    port = await freePort();
    host = await PrivateHost.boot();
    await host.installProgram();
    await host.run('sh', '-c', 'test -s /etc/machine-id || echo 0123456789abcdef0123456789abcdef >/etc/machine-id');
    await host.run('systemd-run', '--user', '--unit=journald', JOURNALD);
    await host.run('sh', '-c', 'until test -S /run/systemd/journal/stdout; do sleep 0.1; done');
    await host.write('/etc/imds-anywhere/device.pem', readFileSync(`${emulator.directory}/device.pem`, 'utf8'));
    await host.write('/etc/imds-anywhere/device.key', readFileSync(`${emulator.directory}/device.key`, 'utf8'), 0o600);
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  test('without a configuration the start fails and says why', async () => {
    await expect(host.systemctl('start', SERVICE)).rejects.toThrow();
    expect(await host.property(SERVICE, 'AssertResult')).toBe('no');
  });

  test('errors have their priority, code and remedy, and no time of their own', async () => {
    await host.write('/etc/imds-anywhere/config.yaml', configuration());
    await put({ createSession: { status: 403 } });
    await host.systemctl('start', SERVICE);
    const errors = await eventually('an error', 20_000, async () => (await journal('err')) || undefined);
    expect(errors).toMatch(/^\S.* code=RA_[A-Z_]+ error=".*" remedy=".*".*$/m);
    expect(errors).not.toMatch(/^[<{]|"time"|\d\d:\d\d:\d\d[.,]/m);
    expect(errors).not.toContain('signing identity loaded');
    expect(await journal('info')).toContain('signing identity loaded');
  });

  test('so has a configuration that is wrong at the start, in each of its lines', async () => {
    await host.systemctl('stop', SERVICE);
    await host.write('/etc/imds-anywhere/config.yaml', configuration().replace('roleArn:', 'rolArn:'));
    await host.systemctl('start', SERVICE).catch(() => undefined);
    const errors = await eventually('the error', 20_000, async () => {
      const text = await journal('err');
      return text.includes('CONFIG_INVALID') ? text : undefined;
    });
    expect(errors).toContain('CONFIG_UNKNOWN_KEY: unknown key "roles[0].rolArn"; did you mean "roles[0].roleArn"?');
  });
});

async function put(faults: object): Promise<void> {
  await fetch(`${emulator.url}/_emulator/faults`, { method: 'PUT', body: JSON.stringify(faults) });
}

/** Entries of the program of this priority or a higher one. */
function journal(priority: string): Promise<string> {
  const program = ['--identifier=imds-anywhere', '--identifier=node', '--identifier=main.js'];
  return host.run('journalctl', '--quiet', '--output=cat', `--priority=${priority}`, ...program);
}

function configuration(): string {
  return emulator.config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${SERVICE}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:${port}" }`);
}
