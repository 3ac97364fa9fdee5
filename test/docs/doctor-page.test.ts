import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { FAULTS } from '../doctor/faults.ts';
import { makeAuthority } from '../support/pki.ts';
import { run } from '../support/program.ts';
import { Workshop } from '../support/workshop.ts';

// The table of docs/doctor.md is that of the seeded faults, and its recording is what the program prints. `--update`
// writes them again.

const PAGE = path.resolve(import.meta.dirname, '../../docs/doctor.md');
const DIRECTORY = '/etc/imds-anywhere';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await Workshop.open();
  const [ours, theirs] = await Promise.all([makeAuthority('Example Device CA'), makeAuthority('Other CA')]);
  const device = await theirs.issue();
  await workshop.write('device.pem', device.certificatePem);
  await workshop.write('device.key', device.keyPem);
  await workshop.write('root-ca.pem', ours.certificatePem);
  await workshop.write('config.yaml', stringify(CONFIG));
  return workshop.close;
});

const arnOf = (kind: string): string =>
  `arn:aws:rolesanywhere:eu-central-1:111122223333:${kind}/11111111-2222-3333-4444-555555555555`;

const CONFIG = {
  identity: { certificate: 'device.pem', privateKey: 'device.key', trustAnchorBundle: 'root-ca.pem' },
  rolesAnywhere: { trustAnchorArn: arnOf('trust-anchor'), profileArn: arnOf('profile') },
  roles: [{ name: 'uploader', roleArn: 'arn:aws:iam::111122223333:role/uploader' }],
};

function faultTable(): string {
  const rows = FAULTS.map(({ step, code, what }) => `| ${step} | ${what} | \`${code}\` |`);
  return ['| Step | Fault | Code |', '| --- | --- | --- |', ...rows].join('\n');
}

async function recording(): Promise<string> {
  const { stdout } = await run(['doctor', 'config.yaml'], { cwd: workshop.directory });
  return `\`\`\`\n$ imds-anywhere doctor config.yaml\n${stdout.replaceAll(workshop.directory, DIRECTORY)}\`\`\``;
}

test('at least 40 faults are seeded, each described once', () => {
  expect(FAULTS.length).toBeGreaterThanOrEqual(40);
  expect(new Set(FAULTS.map(({ step, what }) => `${step} ${what}`)).size).toBe(FAULTS.length);
});

test('docs/doctor.md shows what the program prints, and every seeded fault', async () => {
  const page = await readFile(PAGE, 'utf8');
  const recorded = await recording();
  const after = page
    .replace(/^```\n\$ imds-anywhere doctor config\.yaml\n[^]*?^```$/m, () => recorded)
    .replace(/^\| Step \| Fault \| Code \|\n(?:\|.*\|\n)*/m, () => `${faultTable()}\n`);
  expect(after).toContain(recorded);
  expect(after).toContain(faultTable());
  await expect(after).toMatchFileSnapshot(PAGE);
});
