import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';
import { dueDevice, renewed, startEmulator } from './due-device.ts';
import { recipe } from './recipe.ts';
import { BUILT } from './step-ca.ts';

vi.setConfig({ testTimeout: 180_000 });

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

const EST_NAME = 'estserver and estclient in .cache/bin (.ci/run builds them)';
const hasEst = (): boolean =>
  hasTool(path.join(BUILT, 'estserver'), '-version') && hasTool(path.join(BUILT, 'estclient'), 'version');

describeWith(EST_NAME, hasEst(), 'renewal at an EST server', () => {
  test('which authenticates the device by the certificate in use', async () => {
    const root = await makeAuthority();
    const authority = await root.subordinate('Example Device CA');
    const device = await dueDevice(workshop, authority, root.certificatePem);
    const files = {
      root: await workshop.write('est-root.pem', root.certificatePem),
      ca: await workshop.write('est-ca.pem', authority.certificatePem),
      chain: await workshop.write('est-chain.pem', authority.certificatePem + root.certificatePem),
      key: await workshop.write('est-ca.key', authority.keyPem),
    };
    const server = await startServer(authority, files);
    try {
      const { config } = await startEmulator(workshop, device);
      const script = await recipe('EST', {
        'est.example.com:8443': server.address,
        '/etc/imds-anywhere/root-ca.pem': files.root,
        '/etc/imds-anywhere/device.pem': device.file,
        '/etc/imds-anywhere/device.key': device.keyFile,
        '/etc/imds-anywhere/ca.pem': files.ca,
        'set -eu\n': `set -eu\nPATH="${BUILT}:$PATH"\n`,
      });
      const { certificate } = await renewed(workshop, device, { config: onFreePort(config), script });
      expect(certificate.serialNumber).not.toBe(new X509Certificate(device.first.certificatePem).serialNumber);
      expect(certificate.checkIssued(new X509Certificate(authority.certificatePem))).toBe(true);
      expect(certificate.checkPrivateKey(device.first.privateKey)).toBe(true);
    } finally {
      await server.close();
    }
  });
});

async function startServer(
  authority: Authority,
  files: Readonly<Record<'root' | 'chain' | 'key', string>>,
): Promise<{ readonly address: string; readonly close: () => Promise<void> }> {
  const address = `127.0.0.1:${await freePort()}`;
  const own = await authority.issue({ subject: 'CN=EST', alternativeNames: [{ type: 'ip', value: '127.0.0.1' }] });
  const certificates = await workshop.write('est-server.pem', own.certificatePem + authority.certificatePem);
  const config = {
    mock_ca: { certificates: files.chain, private_key: files.key },
    tls: {
      listen_address: address,
      ...{ certificates, private_key: await workshop.write('est-server.key', own.keyPem), client_cas: [files.root] },
    },
    ...{ allowed_hosts: ['127.0.0.1'], timeout: 30, rate_limit: 150, healthcheck_password: 'healthy' },
  };
  const file = path.join(workshop.directory, 'estserver.json');
  await writeFile(file, JSON.stringify(config));
  const child = spawn(path.join(BUILT, 'estserver'), ['-config', file], { stdio: 'ignore' });
  return {
    address,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
