import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { readCredentials } from '../support/imds-client.ts';
import { mayMount, PrivateHost, UNIT_LOG } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { freePort } from '../support/free-port.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop, type RunningEmulator } from '../support/workshop.ts';

const SERVICE = 'imds-anywhere.service';
const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version');

let workshop: Workshop;
let emulator: RunningEmulator;
let host: PrivateHost;
let port: number;

describeWith('systemd, or not the right to mount', canBoot, 'the systemd units', () => {
  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    port = await freePort();
    host = await PrivateHost.boot();
    await host.installProgram();
    await host.write('/etc/imds-anywhere/device.pem', readFileSync(`${emulator.directory}/device.pem`, 'utf8'));
    await host.write('/etc/imds-anywhere/device.key', readFileSync(`${emulator.directory}/device.key`, 'utf8'), 0o600);
    await host.write('/etc/imds-anywhere/config.yaml', configuration());
    await host.dropIn(SERVICE, `[Service]\nWatchdogSec=2\nStandardError=append:${UNIT_LOG}\n`);
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  test('start is over when the doors listen, and the status says how many roles are fresh', async () => {
    await host.systemctl('start', SERVICE);
    expect(await host.property(SERVICE, 'ActiveState')).toBe('active');
    await eventually('the status', 10_000, async () =>
      /^1 of 1 role fresh; next renewal \d\d:\d\d UTC$/.test(await host.property(SERVICE, 'StatusText'))
        ? true
        : undefined,
    );
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('it runs as a user of its own, without any capability, under a system call filter', async () => {
    const status = await host.run('cat', `/proc/${await host.property(SERVICE, 'MainPID')}/status`);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).toBeGreaterThan(60_000);
  });

  test('the key is root’s alone, and the service has a copy', async () => {
    expect(await host.run('stat', '--format=%U %a', '/etc/imds-anywhere/device.key')).toBe('root 600\n');
    expect(await host.unitLog()).toContain('signing identity loaded');
  });

  test('systemctl reload reads the configuration again, and ends when that is done', async () => {
    await host.write('/etc/imds-anywhere/config.yaml', `${configuration()}log: { level: debug }\n`);
    await host.systemctl('reload', SERVICE);
    await eventually('ready again', 10_000, async () =>
      (await host.unitLog()).includes('configuration applied') &&
      (await host.property(SERVICE, 'SubState')) === 'running'
        ? true
        : undefined,
    );
  });

  test('a service that falls silent is killed and started again', async () => {
    const before = await host.property(SERVICE, 'MainPID');
    await host.run('kill', '-STOP', before);
    await eventually('another process', 20_000, async () => {
      const [pid, state] = [await host.property(SERVICE, 'MainPID'), await host.property(SERVICE, 'ActiveState')];
      return state === 'active' && pid !== before ? true : undefined;
    });
    expect(await host.property(SERVICE, 'NRestarts')).toBe('1');
    expect((await readCredentials(url())).status).toBe(200);
  });

  test('what was held before is served again at once', async () => {
    expect(await host.unitLog()).toContain('role session restored');
  });

  test('stop drains and ends well', async () => {
    await host.systemctl('stop', SERVICE);
    expect(await host.property(SERVICE, 'Result')).toBe('success');
    expect(await host.property(SERVICE, 'ExecMainStatus')).toBe('0');
  });
});

const url = (): string => `http://127.0.0.1:${port}`;

function configuration(): string {
  return emulator.config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: /run/manager/credentials/${SERVICE}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:${port}" }`)
    .concat('\nstateDirectory: /run/home/.config/imds-anywhere/state\n');
}
