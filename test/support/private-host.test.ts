import { expect, test } from 'vitest';
import { mayMount, PrivateHost } from './private-host.ts';
import { describeWith, hasTool } from './tools.ts';

const canBoot = mayMount() && hasTool('/lib/systemd/systemd', '--version');

// Test files run in parallel.
describeWith('systemd, or not the right to mount', canBoot, 'two private hosts', () => {
  test('have units of the same name, and stopping one does not stop the other', async () => {
    const hosts = await Promise.all([PrivateHost.boot(), PrivateHost.boot()]);
    try {
      const [one, other] = hosts;
      for (const host of hosts) {
        await host.write('/etc/systemd/user/same.service', '[Service]\nExecStart=/bin/sleep 600\n');
        await host.systemctl('daemon-reload');
        await host.systemctl('start', 'same.service');
      }
      await one.systemctl('stop', 'same.service');
      expect([await one.unitState('same.service'), await other.unitState('same.service')]).toEqual([
        'inactive',
        'active',
      ]);
    } finally {
      await Promise.all(hosts.map((host) => host.shutDown()));
    }
  });
});
