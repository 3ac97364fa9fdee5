import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test, vi } from 'vitest';
import { makeAuthority } from '../support/pki.ts';
import { describeWith } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { dueDevice, renewed, startEmulator } from './due-device.ts';
import { BAO_NAME, hasBao, OpenBao } from './openbao.ts';
import { recipe } from './recipe.ts';

vi.setConfig({ testTimeout: 180_000 });

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

describeWith(BAO_NAME, hasBao(), 'renewal at OpenBao', () => {
  test('which signs the request, with a token that may do only that', async () => {
    const server = await OpenBao.start();
    try {
      const { root, token } = await prepared(server);
      const first = await makeAuthority('First');
      const authority = await first.subordinate('Example Device CA');
      const device = await dueDevice(workshop, authority, first.certificatePem + root);
      const { config } = await startEmulator(workshop, device);
      const script = await recipe('OpenBao', {
        'https://bao.example.com:8200': server.address,
        '/etc/imds-anywhere/bao-token': await workshop.write('bao-token', token),
      });
      const { certificate } = await renewed(workshop, device, { config: onFreePort(config), script });
      expect(certificate.subject).toBe('OU=Devices\nCN=device-0001');
      expect(certificate.checkIssued(new X509Certificate(root))).toBe(true);
      expect(certificate.checkPrivateKey(device.first.privateKey)).toBe(true);
    } finally {
      await server.close();
    }
  });
});

/** A CA, and the role of docs/renewal.md. */
async function prepared({ bao, shell }: OpenBao): Promise<{ readonly root: string; readonly token: string }> {
  await bao('secrets', 'enable', '-max-lease-ttl=87600h', 'pki');
  const named = 'common_name=Example Device CA';
  const root = await bao('write', '-field=certificate', 'pki/root/generate/internal', named, 'ttl=87600h');
  const [, role = ''] = /```sh\n(bao write pki\/roles[^]*?)```/.exec(await readFile('docs/renewal.md', 'utf8')) ?? [];
  await shell(role);
  const token = await bao('token', 'create', '-field=token', '-policy=device-0001', '-no-default-policy');
  return { root, token };
}
