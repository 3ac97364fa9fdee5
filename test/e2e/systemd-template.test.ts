import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { mayMount, PrivateHost, RUNTIME, UNIT_LOG } from '../support/private-host.ts';
import { eventually } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

const PEER_USERS = path.resolve(import.meta.dirname, '../../systemd/drop-ins/peer-users.conf');
const INSTANCES = ['uploads', 'reports'];
const unit = (instance: string): string => `imds-anywhere@${instance}.service`;
const socketOf = (instance: string): string => `${RUNTIME}/imds-anywhere-${instance}/endpoint.sock`;
const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version');

let host: PrivateHost;

describeWith('systemd, or not the right to mount', canBoot, 'two instances of the template unit', () => {
  beforeAll(async () => {
    const workshop = await Workshop.open();
    const emulator = await workshop.emulator();
    host = await PrivateHost.boot();
    await host.installProgram();
    await host.write('/etc/imds-anywhere/device.pem', readFileSync(`${emulator.directory}/device.pem`, 'utf8'));
    for (const instance of INSTANCES) {
      const key = readFileSync(`${emulator.directory}/device.key`, 'utf8');
      await host.write(`/etc/imds-anywhere/${instance}.key`, key, 0o600);
      await host.write(`/etc/imds-anywhere/${instance}.yaml`, configuration(emulator, instance));
    }
    // Lets the daemon identify users, and lets users reach its socket.
    await host.dropIn(
      'imds-anywhere@.service',
      `${readFileSync(PEER_USERS, 'utf8')}StandardError=append:${UNIT_LOG}\n`,
    );
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  // Each serves its own configuration.
  beforeEach(async () => {
    await host.systemctl('start', ...INSTANCES.map(unit));
    for (const instance of INSTANCES)
      await eventually(`a session of ${instance}`, 30_000, async () =>
        /^1 of 1 role fresh/.test(await host.property(unit(instance), 'StatusText')) ? true : undefined,
      );
  }, 60_000);

  test('each runs as its own user, so that neither can access the sessions of the other', async () => {
    const users = await Promise.all(INSTANCES.map(userOf));
    expect(new Set(users).size).toBe(2);
    const [uploads = '', reports = ''] = users;
    const command = ['imds-anywhere', 'credential-process', '--role', 'device', '--socket', socketOf('uploads')];
    const ask = (user: string): Promise<string> => host.run('setpriv', `--reuid=${user}`, '--clear-groups', ...command);
    expect(JSON.parse(await ask(uploads))).toMatchObject({ Version: 1 });
    await expect(ask(reports)).rejects.toThrow('answers 403');
  });

  test('each stops alone', async () => {
    const [first = '', second = ''] = INSTANCES.map(unit);
    await host.systemctl('stop', first);
    expect([await host.unitState(first), await host.unitState(second)]).toEqual(['inactive', 'active']);
  });
});

async function userOf(instance: string): Promise<string> {
  const status = await host.run('cat', `/proc/${await host.property(unit(instance), 'MainPID')}/status`);
  return /^Uid:\t(\d+)/m.exec(status)?.[1] ?? '';
}

function configuration({ config }: RunningEmulator, instance: string): string {
  return config
    .replace(/certificate: .*/, 'certificate: /etc/imds-anywhere/device.pem')
    .replace(/privateKey: .*/, `privateKey: ${RUNTIME}/credentials/${unit(instance)}/device.key`)
    .replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "127.0.0.1:0" }`)
    .concat(`\nsocket: { path: ${socketOf(instance)} }\n`);
}
