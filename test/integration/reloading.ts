import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config, ImdsEndpointConfig, RoleConfig } from '../../src/config/config.ts';
import { type Daemon, startDaemon } from '../../src/daemon/daemon.ts';
import type { Account } from '../../src/emulator/account/account.ts';
import { openAccount } from '../../src/emulator/account/new-account.ts';
import type { FaultSet } from '../../src/emulator/control/faults.ts';
import { buildEmulator } from '../../src/emulator/server.ts';
import { systemClock } from '../../src/foundation/clock.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import { loadIdentity } from '../../src/identity/load-identity.ts';
import { type LogLine, recordingLog } from '../sessions/support.ts';
import { configOf, roleOf } from '../support/configuration.ts';
import { readCredentials } from '../support/imds-client.ts';
import { type Authority, type Issued, type LeafOptions, makeAuthority } from '../support/pki.ts';
import { eventually } from '../support/program.ts';

// A daemon and an emulator in this process, and a CA for both.

/** The requirements of the trust policy of an emulated account. */
const DEVICE: LeafOptions = { subject: 'CN=device-0001,OU=Devices,O=Example' };
const ISSUER = 'Example Device CA';

export class Scene {
  readonly directory: string;
  readonly account: Account;
  readonly #authority: Authority;
  readonly #emulator: Server;
  readonly lines: LogLine[];
  readonly #log = recordingLog();

  static async open(): Promise<Scene> {
    const directory = await mkdtemp(path.join(tmpdir(), 'imds-anywhere-reload-'));
    const root = await makeAuthority();
    const opened = await openAccount(path.join(directory, 'account'), Date.now());
    const account = trusting(opened, root);
    const emulator = buildEmulator({ account, clock: systemClock, log: () => undefined });
    await new Promise<void>((resolve) => emulator.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      emulator.close();
      emulator.closeAllConnections();
      await rm(directory, { recursive: true });
    });
    return new Scene(directory, account, await root.subordinate(ISSUER), emulator);
  }

  private constructor(directory: string, account: Account, authority: Authority, emulator: Server) {
    this.directory = directory;
    this.account = account;
    this.#authority = authority;
    this.#emulator = emulator;
    this.lines = this.#log.lines;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#emulator.address() as AddressInfo).port}`;
  }

  /** A certificate below the trust anchor, unless another authority is given. */
  async issue(options: LeafOptions = {}, authority = this.#authority): Promise<Issued> {
    const leaf = await authority.issue({ ...DEVICE, ...options });
    return { ...leaf, certificatePem: leaf.certificatePem + authority.certificatePem };
  }

  /** An untrusted CA with the right name. */
  async untrusted(): Promise<Authority> {
    return (await makeAuthority('Untrusted')).subordinate(ISSUER);
  }

  async write({ certificatePem, keyPem }: Issued, name = 'identity'): Promise<Config['identity']> {
    const directory = path.join(this.directory, name);
    await mkdir(directory, { recursive: true });
    const [certificate, privateKey] = [path.join(directory, 'tls.crt'), path.join(directory, 'tls.key')];
    await writeFile(certificate, certificatePem);
    await writeFile(privateKey, keyPem, { mode: 0o600 });
    return { certificate, privateKey, allowReadableKey: false };
  }

  role(name: string, changes: Partial<RoleConfig> = {}): RoleConfig {
    const { roles, profiles, trustAnchors } = this.account;
    return roleOf(name, {
      roleArn: roles[0]?.arn ?? '',
      profileArn: profiles[0]?.arn ?? '',
      trustAnchorArn: trustAnchors[0]?.arn ?? '',
      imds: at(0),
      ...changes,
    });
  }

  config(identity: Config['identity'], ...roles: readonly RoleConfig[]): Config {
    const { rolesAnywhere } = configOf();
    return configOf({ identity, roles, rolesAnywhere: { ...rolesAnywhere, endpoint: this.endpoint } });
  }

  /** Random draws are 0, so that everything spread over a fleet happens at once. */
  async start(config: Config): Promise<Daemon> {
    const daemon = await startDaemon(config, {
      clock: systemClock,
      log: this.#log.log,
      random: () => 0,
      environment: {},
      userAgent: 'test',
      readIdentity: loadIdentity,
    });
    onTestFinished(() => daemon.stop());
    return daemon;
  }

  async faults(faults: FaultSet): Promise<void> {
    await fetch(`${this.endpoint}/_emulator/faults`, { method: 'PUT', body: JSON.stringify(faults) });
  }

  async calls(): Promise<{ readonly total: number; readonly byStatus: Readonly<Record<string, number>> }> {
    const calls = (await (await fetch(`${this.endpoint}/_emulator/calls`)).json()) as {
      createSession: { total: number; byStatus: Record<string, number> };
    };
    return calls.createSession;
  }

  async says(code: string): Promise<LogLine> {
    return eventually(`${code} in ${JSON.stringify(this.lines, undefined, 1)}`, 15_000, () =>
      this.lines.find(({ fields }) => fields['code'] === code),
    );
  }
}

export function at(port: number, changes: Partial<ImdsEndpointConfig> = {}): ImdsEndpointConfig {
  return { host: '127.0.0.1', port, allowedHosts: [], ...changes };
}

/**
 * The access key that an endpoint serves, as soon as there is one. A connection that was open
 * before it moved may fail once.
 */
export async function servedKey(url: string): Promise<string> {
  return eventually(`credentials from ${url}`, 15_000, async () => {
    const reading = await readCredentials(url).catch(() => undefined);
    return reading?.document?.AccessKeyId;
  });
}

/** Without roleSessionName, the session name is the serial number of the certificate. */
export async function servesSessionOf(daemon: Daemon, role: string, { certificatePem }: Issued): Promise<void> {
  const serial = new X509Certificate(certificatePem).serialNumber.toLowerCase();
  await eventually(`a session of ${serial}`, 15_000, () => {
    const session = endpointOf(daemon, role).keeper.current();
    return session?.assumedRoleArn.endsWith(`/${serial}`) ? true : undefined;
  });
}

export function endpointOf(daemon: Daemon, name: string): Daemon['roles'][number] & { readonly url: string } {
  const endpoint = daemon.roles.find(({ role }) => role.name === name);
  if (endpoint?.url === undefined) throw new Error(`no endpoint of ${name}`);
  return { ...endpoint, url: endpoint.url };
}

function trusting(account: Account, root: Authority): Account {
  const certificates = [readCertificate(root.certificateDer)];
  return { ...account, trustAnchors: account.trustAnchors.map((anchor) => ({ ...anchor, certificates })) };
}
