import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { mayMount, PrivateHost, RUNTIME, UNIT_LOG } from '../support/private-host.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';

const SERVICE = 'imds-anywhere.service';
const SOCKET = 'imds-anywhere.socket';
const DROP_IN = path.resolve(import.meta.dirname, '../../systemd/drop-ins/imds-address.conf');

/** The status of a request without a token. */
const ASK = `
import sys, urllib.error, urllib.request
try: print(urllib.request.urlopen("http://169.254.169.254/latest/meta-data/", timeout=10).status)
except urllib.error.HTTPError as error: print(error.status)
`;

let host: PrivateHost;

describeWith('systemd, ip or the right to mount', canBoot(), 'the address of EC2', () => {
  beforeAll(async () => {
    const workshop = await Workshop.open();
    const emulator = await workshop.emulator();
    host = await PrivateHost.boot('own');
    await host.installProgram();
    for (const file of ['device.pem', 'device.key'])
      await host.write(`/etc/imds-anywhere/${file}`, readFileSync(`${emulator.directory}/${file}`, 'utf8'));
    const endpoint = 'imds: { listen: "169.254.169.254:80", allowNonLoopback: true }';
    const config = emulator.config
      .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${SERVICE}/device.key`)
      .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
      .replace(/^( {2}- roleArn: .*)$/m, `$1\n    ${endpoint}`);
    await host.write('/etc/imds-anywhere/config.yaml', config);
    await host.dropIn(SERVICE, `[Service]\nStandardError=append:${UNIT_LOG}\n`);
    await host.dropIn(SOCKET, readFileSync(DROP_IN, 'utf8'));
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  test('is served with the drop-in, by a daemon that has no capability', async () => {
    await host.systemctl('start', SOCKET);
    expect(await host.run('python3', '-c', ASK)).toBe('401\n');
    expect(await host.unitLog()).toContain('http://169.254.169.254:80');
    const status = await host.run('cat', `/proc/${await host.property(SERVICE, 'MainPID')}/status`);
    expect(status).toMatch(/^CapEff:\t0+$/m);
  });

  test('is removed when the socket unit stops', async () => {
    await host.systemctl('stop', SOCKET, SERVICE);
    expect(await host.run('ip', '-brief', 'address', 'show', 'dev', 'lo')).not.toContain('169.254.169.254');
  });
});

function canBoot(): boolean {
  return mayMount() && hasTool('/lib/systemd/systemd', '--version') && hasTool('ip', '-Version');
}
