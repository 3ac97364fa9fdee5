import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeAuthority } from '../support/pki.ts';
import { run } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

// The recordings in docs/policy.md are what the program prints for these files. `--update` records them again.

const PAGE = path.resolve(import.meta.dirname, '../../docs/policy.md');

let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
  const authority = await makeAuthority('Example Device CA');
  const device = await authority.issue({ subject: 'CN=device-0001,OU=Devices,O=Example', serial: '5a01' });
  const wildcard = await authority.issue({
    subject: 'CN=device-0002,OU=Devices,O=Example (Test)',
    serial: '5a02',
    alternativeNames: [
      { type: 'dns', value: '*.example.com' },
      { type: 'dns', value: 'device.example.com' },
    ],
  });
  await workshop.write('device.pem', device.certificatePem);
  await workshop.write('wildcard.pem', wildcard.certificatePem);
  await workshop.write('tutorial.json', JSON.stringify({ Version: '2012-10-17', Statement: TUTORIAL }));
  return workshop.close;
});

const TUTORIAL = {
  ...{ Effect: 'Allow', Principal: { Service: 'rolesanywhere.amazonaws.com' }, Action: 'sts:AssumeRole' },
  Condition: { StringEquals: { 'aws:PrincipalTag/DeviceType': 'sensor' } },
};

async function recorded(command: string): Promise<string> {
  const { stdout, stderr } = await run(command.split(' '), { cwd: workshop.directory });
  return `\`\`\`\n$ imds-anywhere ${command}\n${stdout}${stderr}\`\`\``;
}

test('docs/policy.md shows what the program prints', async () => {
  const page = await readFile(PAGE, 'utf8');
  const parts = page.split(/^(```\n\$ imds-anywhere .*\n[^]*?^```)$/m);
  const commands = parts.map((part) => /^```\n\$ imds-anywhere (.*)\n/.exec(part)?.[1]);
  expect(commands.filter((command) => command !== undefined).length).toBeGreaterThan(1);
  const after = await Promise.all(parts.map(async (part, at) => (commands[at] ? recorded(commands[at]) : part)));
  await expect(after.join('')).toMatchFileSnapshot(PAGE);
});
