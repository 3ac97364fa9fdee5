import { X509Certificate } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { readCredentials } from '../support/imds-client.ts';
import { type Authority, makeAuthority } from '../support/pki.ts';
import type { RunningProgram } from '../support/program.ts';
import { onFreePort, type Workshop } from '../support/workshop.ts';
import { recipe } from './recipe.ts';
import { BUILT, StepCa } from './step-ca.ts';

// Daemons that renew their certificates at a real step-ca, which is down for a third of the time.

export interface RunSettings {
  readonly lifeSeconds: number;
  readonly at: number;
  readonly seconds: number;
  /** The CA is down for this long, and then up for twice as long. */
  readonly outageSeconds: number;
  readonly sessionSeconds: number;
}

/** Times are milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

export interface HostRecord {
  readonly title: string;
  readonly certificates: readonly Span[];
  /** From the grant to the expiration. */
  readonly sessions: readonly Span[];
  /** When the program was run. */
  readonly attempts: readonly number[];
  /** Once a second. Undefined: there were none. */
  readonly readings: readonly { readonly at: number; readonly expiration: number | undefined }[];
}

export interface RunRecord extends Span {
  readonly hosts: readonly HostRecord[];
  readonly outages: readonly Span[];
}

export async function renewalRun(workshop: Workshop, settings: RunSettings): Promise<RunRecord> {
  const { outageSeconds, seconds } = settings;
  const { ca, start } = await site(workshop, settings);
  const outages: Span[] = [];
  // Also the beginning of the first certificates, so that the outages meet the renewals.
  const from = Date.now();
  const second = (): number => (Date.now() - from) / 1_000;
  const mayBeUp = (): boolean => (second() / outageSeconds) % 3 < 2;
  try {
    const hosts = await start();
    while (second() < seconds) {
      if (!mayBeUp()) outages.push(await outage(ca, hosts, mayBeUp));
      await secondOf(hosts);
    }
    return { from, until: Date.now(), outages, hosts: hosts.map((host) => host.record()) };
  } finally {
    await ca.close();
  }
}

async function outage(ca: StepCa, hosts: readonly Host[], isOver: () => boolean): Promise<Span> {
  await ca.close();
  const from = Date.now();
  while (!isOver()) await secondOf(hosts);
  await ca.open();
  return { from, until: Date.now() };
}

async function secondOf(hosts: readonly Host[]): Promise<void> {
  await Promise.all(hosts.map((host) => host.read()));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}

async function site(
  workshop: Workshop,
  settings: RunSettings,
): Promise<{ readonly ca: StepCa; readonly start: () => Promise<readonly Host[]> }> {
  const { directory } = workshop;
  const account = path.join(directory, 'account');
  await createAccount(account);
  const root = await makeAuthority();
  // The trust policy requires this name.
  const authority = await root.subordinate('Example Device CA');
  await writeFile(path.join(account, 'root-ca.pem'), root.certificatePem);
  const grant = ['--grant-seconds', String(settings.sessionSeconds)];
  const emulator = workshop.start(['emulate', '--dir', account, '--listen', '127.0.0.1:0', ...grant]);
  await emulator.says(/AWS_ENDPOINT_URL_STS/);
  const ca = await StepCa.create(path.join(directory, 'ca'), { root, authority, lifeSeconds: settings.lifeSeconds });
  await ca.open();
  const parts = { workshop, authority, config: onFreePort(emulator.stdout), settings };
  const command = [path.join(BUILT, 'step'), 'ca', 'renew', '--force', '--ca-url', ca.url, '--root', ca.rootFile];
  const start = (): Promise<readonly Host[]> =>
    Promise.all([
      startHost('step ca renew', 'device-0001', ({ certificate, key }) => [...command, certificate, key], parts),
      startHost('step ca sign', 'device-0002', () => script(directory, ca), parts),
    ]);
  return { ca, start };
}

interface HostParts {
  readonly workshop: Workshop;
  readonly authority: Authority;
  readonly config: string;
  readonly settings: RunSettings;
}

async function startHost(
  title: string,
  name: string,
  command: (pair: Pair) => readonly string[] | Promise<readonly string[]>,
  { workshop, authority, config, settings: { lifeSeconds, at } }: HostParts,
): Promise<Host> {
  const { directory } = workshop;
  const pair = { certificate: path.join(directory, `${name}.pem`), key: path.join(directory, `${name}.key`) };
  const notBefore = Math.floor(Date.now() / 1_000) * 1_000;
  const first = await authority.issue({
    ...{ subject: `OU=Devices,CN=${name}`, notBefore, notAfter: notBefore + lifeSeconds * 1_000 },
    alternativeNames: [{ type: 'dns', value: name }],
  });
  await writeFile(pair.certificate, first.certificatePem + authority.certificatePem, { mode: 0o600 });
  await writeFile(pair.key, first.keyPem, { mode: 0o600 });
  const renew = `  renew: { command: ${JSON.stringify(await command(pair))}, at: ${at} }`;
  const { program, url } = await workshop.daemon(
    config
      .replace(/^( {2}certificate: ).*$/m, `$1${pair.certificate}`)
      .replace(/^( {2}privateKey: ).*$/m, `$1${pair.key}\n${renew}`),
    { env: { PATH: `${BUILT}:${process.env['PATH'] ?? ''}` } },
  );
  await program.says(/role session granted/);
  return new Host(title, program, url, pair.certificate);
}

interface Pair {
  readonly certificate: string;
  readonly key: string;
}

async function script(directory: string, ca: StepCa): Promise<readonly string[]> {
  const file = path.join(directory, 'renew-certificate');
  const text = await recipe('step-ca', {
    'https://ca.example.com': ca.url,
    '/etc/imds-anywhere/root-ca.pem': ca.rootFile,
    '/etc/imds-anywhere/provisioner.jwk': ca.tokenKeyFile,
    'device-0001': 'device-0002',
  });
  await writeFile(file, text);
  await chmod(file, 0o700);
  return [file];
}

class Host {
  readonly #title: string;
  readonly #program: RunningProgram;
  readonly #url: string;
  readonly #file: string;
  readonly #readings: { at: number; expiration: number | undefined }[] = [];
  readonly #certificates = new Map<string, Span>();

  constructor(title: string, program: RunningProgram, url: string, file: string) {
    this.#title = title;
    this.#program = program;
    this.#url = url;
    this.#file = file;
  }

  async read(): Promise<void> {
    const at = Date.now();
    const { document } = await readCredentials(this.#url);
    this.#readings.push({ at, expiration: document && Date.parse(document.Expiration) });
    const text = await readFile(this.#file, 'utf8');
    const { serialNumber, validFrom, validTo } = new X509Certificate(text);
    this.#certificates.set(serialNumber, { from: Date.parse(validFrom), until: Date.parse(validTo) });
  }

  record(): HostRecord {
    const { log } = this.#program;
    const lines = (message: string): Record<string, unknown>[] => log.filter(({ msg }) => msg === message);
    const time = (value: unknown): number => new Date(value as string | number).getTime();
    return {
      title: this.#title,
      certificates: [...this.#certificates.values()],
      sessions: lines('role session granted').map((line) => ({
        from: time(line['time']),
        until: time(line['expiration']),
      })),
      attempts: lines('renewing the certificate').map((line) => time(line['time'])),
      readings: this.#readings,
    };
  }
}
