import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { EXAMPLE_TOOLS, EXAMPLE_TOOLS_NAME, hasExampleTools, Moto } from '../support/moto.ts';
import { makeAuthority } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { dueDevice, renewed, startEmulator } from './due-device.ts';
import { privateAuthority } from './private-authority.ts';
import { recipe } from './recipe.ts';

// An identity that renews itself with its own session: the daemon's endpoint gives the AWS CLI its credentials, the emulator
// verifies the calls and the policy of the role, and moto issues the certificate.

vi.setConfig({ testTimeout: 120_000 });

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

describeWith(EXAMPLE_TOOLS_NAME, hasExampleTools(), 'renewal at ACM PCA, as moto plays it', () => {
  test('the identity renews itself with its own session', async () => {
    const moto = await Moto.start(workshop.directory);
    try {
      const { arn, certificate: root } = await privateAuthority(moto.url);
      const first = await makeAuthority('First');
      const authority = await first.subordinate('Example Device CA');
      const device = await dueDevice(workshop, authority, first.certificatePem + root);
      await allow(path.join(device.directory, 'account.yaml'), ['acm-pca:IssueCertificate', 'acm-pca:GetCertificate']);
      const { config, url } = await startEmulator(workshop, device, '--backend', moto.url);
      const imds = `127.0.0.1:${await freePort()}`;
      const script = await recipe('ACM PCA', {
        'arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/11223344-1234-1122-2233-112233445566': arn,
        '127.0.0.1:9911': imds,
        'set -eu\n': `set -eu\nexport AWS_ENDPOINT_URL=${url} PATH="${EXAMPLE_TOOLS}:$PATH"\n`,
      });
      const listening = config.replace(/^( {2}- roleArn: .*)$/m, `$1\n    imds: { listen: "${imds}" }`);
      const { certificate } = await renewed(workshop, device, { config: listening, script });
      expect(certificate.checkIssued(new X509Certificate(root))).toBe(true);
      expect(certificate.checkPrivateKey(device.first.privateKey)).toBe(true);
      // With the session of the first certificate.
      const events = (await (await fetch(`${url}/_emulator/events`)).json()) as { eventName: string }[];
      const issue = events.find(({ eventName }) => eventName === 'IssueCertificate');
      const serial = new X509Certificate(device.first.certificatePem).serialNumber.toLowerCase();
      expect(JSON.stringify(issue)).toContain(`assumed-role/device/${serial}`);
    } finally {
      await moto.close();
    }
  });
});

async function allow(file: string, actions: readonly string[]): Promise<void> {
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  });
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('policies: {}', `policies: { renewal: ${policy} }`));
}
