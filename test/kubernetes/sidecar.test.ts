import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { freePort } from '../support/free-port.ts';
import { readCredentials } from '../support/imds-client.ts';
import { type Authority, type Issued, makeAuthority } from '../support/pki.ts';
import { eventually, type RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { Workshop } from '../support/workshop.ts';
import { configOf, kustomized, objectsOf, podTemplateOf } from './manifests.ts';
import { SecretVolume } from './secret-volume.ts';

// The program under the sidecar's manifest, in the order of the kubelet. Only the kubelet itself is
// simulated.

interface Sidecar {
  readonly program: RunningProgram;
  readonly endpoint: string;
  /** The kubelet's result of a probe now. */
  readonly probe: (kind: 'startup' | 'readiness' | 'liveness') => Promise<boolean>;
}

describeWith('kustomize', hasTool('kustomize', 'version'), 'the sidecar, run like the kubelet does', () => {
  let workshop: Workshop;
  let authority: Authority;
  let emulator: RunningProgram;
  const account = (): string => path.join(workshop.directory, 'account');
  const printed = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.stdout)?.[1] ?? '';

  beforeAll(async () => {
    workshop = await Workshop.open();
    await createAccount(account());
    const root = await makeAuthority();
    await writeFile(path.join(account(), 'root-ca.pem'), root.certificatePem);
    authority = await root.subordinate('Example Device CA');
    // Short sessions, so that the test need not wait for a renewed certificate.
    emulator = workshop.start(['emulate', '--dir', account(), '--listen', '127.0.0.1:0', '--grant-seconds', '20']);
    await emulator.says(/AWS_ENDPOINT_URL_STS/);
    return workshop.close;
  });

  const issue = async (): Promise<Issued> => {
    const leaf = await authority.issue({ subject: 'CN=device-0001,OU=Devices,O=Example' });
    return { ...leaf, certificatePem: leaf.certificatePem + authority.certificatePem };
  };

  const newVolume = async (name: string): Promise<SecretVolume> => {
    const volume = new SecretVolume(path.join(workshop.directory, name));
    await volume.update(await issue());
    return volume;
  };

  /** The manifest's configuration, with paths of this machine, and names of the emulator. */
  const localConfig = (config: string, volume: SecretVolume, endpoint: string): string =>
    ['trustAnchorArn', 'profileArn', 'roleArn']
      .reduce((text, key) => text.replace(new RegExp(`${key}: .*`), `${key}: ${printed(key)}`), config)
      .replace('rolesAnywhere:\n', `rolesAnywhere:\n  endpoint: ${endpoint}\n`)
      .replaceAll('/identity', volume.path)
      .replace('/state/imds-anywhere', `${volume.path}-state`)
      .replace(/[\d.]+:991[01]$/gm, '127.0.0.1:0');

  /** The manifest's arguments and probes. */
  const startSidecar = async (volume: SecretVolume, endpoint: string): Promise<Sidecar> => {
    const manifest = objectsOf(kustomized('sidecar'));
    const container = podTemplateOf(manifest).spec.initContainers?.[0];
    const config = `${volume.path}.yaml`;
    await writeFile(config, localConfig(configOf(manifest), volume, endpoint));
    const args = container?.args?.map((arg) => arg.replace('/etc/imds-anywhere/config.yaml', config)) ?? [];
    const program = workshop.start(args);
    const [, url = ''] = await program.says(/ENDPOINT=(http:\S+)/);
    const [, admin = ''] = await program.says(/"admin":\["(http:[^"]+)"/);
    const probe: Sidecar['probe'] = async (kind) =>
      (await fetch(admin + (container?.[`${kind}Probe`]?.httpGet.path ?? '/missing'))).ok;
    return { program, endpoint: url, probe };
  };

  test('the application starts only when its first read succeeds', async () => {
    const port = await freePort();
    const { probe, endpoint, program } = await startSidecar(await newVolume('start'), `http://127.0.0.1:${port}`);
    await program.says(/RA_CONNECTION_REFUSED/);
    expect(await probe('startup')).toBe(false);
    expect(await probe('liveness')).toBe(true);
    workshop.start(['emulate', '--dir', account(), '--listen', `127.0.0.1:${port}`]);
    await eventually('the startup probe', 60_000, async () => (await probe('startup')) || undefined);
    expect(await readCredentials(endpoint)).toMatchObject({ status: 200, document: { Code: 'Success' } });
    expect(await probe('readiness')).toBe(true);
  }, 90_000);

  test('a Secret renewed by cert-manager is used without a restart, and the pod stays ready', async () => {
    const volume = await newVolume('renewal');
    const { probe, endpoint, program } = await startSidecar(volume, printed('endpoint'));
    await program.says(/role session granted/);
    const next = await issue();
    await volume.update(next);
    const serial = new X509Certificate(next.certificatePem).serialNumber.toLowerCase();

    await eventually('a session of the new certificate', 90_000, async () => {
      expect([await probe('readiness'), (await readCredentials(endpoint)).status]).toEqual([true, 200]);
      return program.stderr.includes(`/${serial}"`) || undefined;
    });
  }, 120_000);

  test('SIGTERM to the application first: its last read finds credentials, then the sidecar exits with 0', async () => {
    const { endpoint, program } = await startSidecar(await newVolume('stop'), printed('endpoint'));
    await program.says(/role session granted/);
    const application = spawn(process.execPath, ['--eval', LAST_READ, endpoint], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(application.stdout, 'data');
    application.kill('SIGTERM');
    expect(await once(application, 'exit')).toEqual([0, null]);
    expect((await program.stop('SIGTERM')).code).toBe(0);
  });
});

/** Reads credentials when stopped. Exits with 0 if it got them. */
const LAST_READ = `const endpoint = process.argv[1];
  process.on('SIGTERM', async () => {
    const ttl = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
    const token = await (await fetch(endpoint + '/latest/api/token', { method: 'PUT', headers: ttl })).text();
    const headers = { 'x-aws-ec2-metadata-token': token };
    const path = endpoint + '/latest/meta-data/iam/security-credentials/';
    const role = await (await fetch(path, { headers })).text();
    process.exit((await fetch(path + role, { headers })).status === 200 ? 0 : 1);
  });
  setInterval(() => undefined, 1000);
  console.log('running');`;
