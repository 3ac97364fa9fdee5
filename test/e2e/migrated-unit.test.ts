import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { callerAfter, DEVICE_SESSION, pastedLines } from '../pasting/pasting.ts';
import { mayMount, PrivateHost, RUNTIME } from '../support/private-host.ts';
import { eventually, run } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { type RunningEmulator, Workshop } from '../support/workshop.ts';

// Runs the output of `migrate` for a unit unchanged. Replaces only what differs between process 1
// and a user manager.

const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version');
const OLD = 'aws-credentials.service';
const PORT = 9_731;

describeWith('systemd, or not the right to mount', canBoot, 'a unit of aws_signing_helper', () => {
  let workshop: Workshop;
  let emulator: RunningEmulator;
  let host: PrivateHost;

  beforeAll(async () => {
    workshop = await Workshop.open();
    emulator = await workshop.emulator();
    host = await PrivateHost.boot();
    await host.installProgram();
    await host.write('/usr/local/bin/systemctl', '#!/bin/sh\nexec /usr/bin/systemctl --user "$@"\n', 0o755);
    await host.write('/etc/pki/device.pem', await readFile(`${emulator.directory}/device.pem`, 'utf8'));
    await host.write('/etc/pki/device.key', await readFile(`${emulator.directory}/device.key`, 'utf8'), 0o600);
    return async () => {
      await host.shutDown();
      await workshop.close();
    };
  });

  test('stops, and the packaged unit serves an SDK instead', async () => {
    const unit = await workshop.write(OLD, oldUnit(emulator.config));
    await host.write(`/etc/systemd/user/${OLD}`, await readFile(unit, 'utf8'));
    await host.systemctl('daemon-reload');
    await host.systemctl('start', OLD);

    const { code, stdout, stderr } = await run(['migrate', unit]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/note: User=daemon: not needed/);
    await host.write('/etc/imds-anywhere/config.yaml', stdout.replaceAll('/run/credentials', `${RUNTIME}/credentials`));
    const commands = [...stdout.matchAll(/^# {3}((?:systemctl|mkdir|printf) .*)$/gm)].map(([, line = '']) => line);
    expect(commands).toHaveLength(5);
    const script = ['set -e', ...commands].join('\n').replaceAll('/etc/systemd/system', '/etc/systemd/user');
    await host.run('sh', '-c', script);

    await eventually('a session', 30_000, async () =>
      /^1 of 1 role fresh/.test(await host.property('imds-anywhere.service', 'StatusText')) ? true : undefined,
    );
    expect(await host.unitState(OLD)).toBe('inactive');
    const aws = { AWS_ENDPOINT_URL_STS: emulator.url, AWS_REGION: 'eu-central-1' };
    const caller = await callerAfter('sh', pastedLines(stdout), { HOME: workshop.directory, ...aws });
    expect(caller).toMatch(DEVICE_SESSION);
  });
});

/** A typical unit, with a sleep in place of the helper. */
function oldUnit(config: string): string {
  const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(config)?.[1] ?? '';
  const arns = `--trust-anchor-arn ${value('trustAnchorArn')} --profile-arn ${value('profileArn')} --role-arn ${value('roleArn')}`;
  return `[Unit]
Description=aws_signing_helper
[Service]
User=daemon
ExecStart=/bin/sh -c 'exec sleep 600; aws_signing_helper serve --port ${PORT} --endpoint ${value('endpoint')} \\
  --certificate /etc/pki/device.pem --private-key /etc/pki/device.key ${arns}'
[Install]
WantedBy=default.target
`;
}
