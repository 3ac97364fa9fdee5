import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { mayMount, PrivateHost, RUNTIME } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

const SERVICE = 'imds-anywhere.service';
const PATH_UNIT = 'imds-anywhere-restart.path';
const JOURNALD = '/lib/systemd/systemd-journald';
const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version') && hasTool('journalctl', '--version');

let workshop: Workshop;
let emulator: RunningEmulator;
let other: RunningEmulator;
let host: PrivateHost;
let port: number;
/** Start of the test in seconds since the epoch. */
let began: number;

describeWith('systemd with its journal, or not the right to mount', canBoot, 'the journal of the service', () => {
  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    other = await workshop.emulator();
    port = await freePort();
    host = await PrivateHost.boot();
    await host.installProgram();
    await host.run('sh', '-c', 'test -s /etc/machine-id || echo 0123456789abcdef0123456789abcdef >/etc/machine-id');
    await host.run('systemd-run', '--user', '--unit=journald', JOURNALD);
    await host.run('sh', '-c', 'until test -S /run/systemd/journal/stdout; do sleep 0.1; done');
    // The program asks process 1; here it asks this manager.
    const wrapper = `#!/bin/sh\nXDG_RUNTIME_DIR=${RUNTIME} exec /usr/bin/systemctl --user "$@"\n`;
    await host.write('/usr/local/bin/systemctl', wrapper, 0o755);
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  beforeEach(async () => {
    await host.systemctl('stop', PATH_UNIT, SERVICE);
    await put({});
    await host.write('/etc/imds-anywhere/config.yaml', configuration());
    await host.write('/etc/imds-anywhere/device.pem', certificateOf(emulator));
    await host.write('/etc/imds-anywhere/device.key', keyOf(emulator), 0o600);
    began = Date.now() / 1000;
  }, 30_000);

  test('without a configuration, the start fails with a reason', async () => {
    await host.run('rm', '/etc/imds-anywhere/config.yaml');
    await expect(host.systemctl('start', SERVICE)).rejects.toThrow();
    expect(await host.property(SERVICE, 'AssertResult')).toBe('no');
  });

  test('errors have a priority, code and remedy, and no time of their own', async () => {
    await put({ createSession: { status: 403 } });
    await host.systemctl('start', SERVICE);
    const errors = await eventually('an error', 20_000, async () => (await journal('err')) || undefined);
    expect(errors).toMatch(/^\S.* code=RA_[A-Z_]+ error=".*" remedy=".*".*$/m);
    expect(errors).not.toMatch(/^[<{]|"time"|\d\d:\d\d:\d\d[.,]/m);
    expect(errors).not.toContain('signing identity loaded');
    expect(await journal('info')).toContain('signing identity loaded');
  });

  test('a new key is reported with a remedy, until the service is restarted', async () => {
    await host.systemctl('start', SERVICE);
    // Like a renewal with a new key: both files of another device.
    await host.write('/etc/imds-anywhere/device.pem', certificateOf(other));
    await host.write('/etc/imds-anywhere/device.key', keyOf(other), 0o600);
    const warning = await eventually('the warning', 30_000, async () => {
      const text = await journal('warning');
      return text.includes('KEY_CREDENTIAL_OUTDATED') ? text : undefined;
    });
    expect(warning).toMatch(/KEY_CREDENTIAL_OUTDATED .*imds-anywhere\.service.*remedy="Run `systemctl restart`/);
  });

  test('with the path unit, the service is restarted when its key is replaced', async () => {
    await host.systemctl('start', SERVICE);
    const before = await host.property(SERVICE, 'MainPID');
    const command = `[Service]\nExecStart=\nExecStart=/usr/bin/systemctl --user try-restart ${SERVICE}\n`;
    await host.dropIn('imds-anywhere-restart.service', command);
    await host.systemctl('start', PATH_UNIT);
    await host.write('/etc/imds-anywhere/device.key', keyOf(other), 0o600);
    await host.write('/etc/imds-anywhere/device.pem', certificateOf(other));
    await eventually('another process', 30_000, async () => {
      const [pid, state] = [await host.property(SERVICE, 'MainPID'), await host.property(SERVICE, 'ActiveState')];
      return state === 'active' && pid !== before ? true : undefined;
    });
  });

  test.each(['stopped', 'running'])('check-config finds the key in the unit of a service that is %s', async (state) => {
    if (state === 'running') await host.systemctl('start', SERVICE);
    const printed = await host.run('imds-anywhere', 'check-config', '/etc/imds-anywhere/config.yaml');
    expect(printed).toContain(`read by      ${SERVICE}`);
    expect(printed).toContain('device-0001');
  });

  test('check-config reports files that the user of the service cannot read, and a key of another certificate', async () => {
    await host.run('chmod', '600', '/etc/imds-anywhere/device.pem');
    const check = host.run('imds-anywhere', 'check-config', '/etc/imds-anywhere/config.yaml');
    await expect(check).rejects.toThrow(
      /has 1 problem\n.*identity\.certificate\n {4}SERVICE_CANNOT_READ: .* has mode 0600/,
    );
    await host.run('chmod', '644', '/etc/imds-anywhere/device.pem');
    await host.write('/etc/imds-anywhere/device.key', keyOf(other), 0o600);
    const mixed = host.run('imds-anywhere', 'check-config', '/etc/imds-anywhere/config.yaml');
    await expect(mixed).rejects.toThrow(/identity\.privateKey\n {4}KEY_CERTIFICATE_MISMATCH/);
  });

  test('an invalid configuration at the start has all of its lines in the journal', async () => {
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

const certificateOf = ({ directory }: RunningEmulator): string => readFileSync(`${directory}/device.pem`, 'utf8');
const keyOf = ({ directory }: RunningEmulator): string => readFileSync(`${directory}/device.key`, 'utf8');

/** Entries of the program during the test, with this priority or a higher one. */
function journal(priority: string): Promise<string> {
  const program = ['--identifier=imds-anywhere', '--identifier=node', '--identifier=main.js'];
  return host.run('journalctl', '--quiet', '--output=cat', `--priority=${priority}`, `--since=@${began}`, ...program);
}

function configuration(): string {
  return emulator.config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${SERVICE}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:${port}" }`);
}
