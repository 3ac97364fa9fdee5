import { X509Certificate } from 'node:crypto';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { readCredentials } from '../support/imds-client.ts';
import { type Authority, type Issued, makeAuthority } from '../support/pki.ts';
import { eventually, run, type RunningProgram } from '../support/program.ts';
import { SdkLoad } from '../support/sdk-load.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// The real program, with certificates and configurations that change while it runs.

let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open();
  return workshop.close;
});

interface Fleet {
  readonly emulator: RunningEmulator;
  readonly issue: () => Promise<Issued>;
}

/** An emulator that trusts our CA, with a name that its trust policy requires. */
async function fleet(name: string, ...flags: string[]): Promise<Fleet> {
  const directory = path.join(workshop.directory, name);
  await createAccount(directory);
  const root = await makeAuthority();
  await writeFile(path.join(directory, 'root-ca.pem'), root.certificatePem);
  const program = workshop.start(['emulate', '--dir', directory, '--listen', '127.0.0.1:0', ...flags]);
  const [, url = ''] = await program.says(/endpoint: (http:\S+)/);
  await program.says(/AWS_ENDPOINT_URL_STS/);
  const authority = await root.subordinate('Example Device CA');
  return { emulator: { url, directory, config: program.stdout, program }, issue: () => deviceOf(authority) };
}

async function deviceOf(authority: Authority): Promise<Issued> {
  const leaf = await authority.issue({ subject: 'CN=device-0001,OU=Devices,O=Example' });
  return { ...leaf, certificatePem: leaf.certificatePem + authority.certificatePem };
}

async function writeDevice({ directory }: RunningEmulator, { certificatePem, keyPem }: Issued): Promise<void> {
  await writeFile(path.join(directory, 'device.pem'), certificatePem);
  await writeFile(path.join(directory, 'device.key'), keyPem);
}

const served = async (url: string): Promise<string> =>
  eventually(`credentials from ${url}`, 15_000, async () => {
    const reading = await readCredentials(url).catch(() => undefined);
    return reading?.document?.AccessKeyId;
  });

/** Without roleSessionName, the session name is the serial number of the certificate. */
async function granted(program: RunningProgram, { certificatePem }: Issued): Promise<void> {
  const serial = new X509Certificate(certificatePem).serialNumber.toLowerCase();
  await program.says(new RegExp(`"assumedRoleArn":"[^"]*/${serial}".*"msg":"role session granted"`), 30_000);
}

const warnings = ({ log }: RunningProgram): unknown[] =>
  log.filter(({ level }) => level === 'warn' || level === 'error').map(({ code }) => code);

describe('certificates that change at run time', () => {
  test('a Kubernetes volume is swapped while clients read', async () => {
    const { emulator, issue } = await fleet('kubernetes', '--grant-seconds', '10');
    const [old, next] = [await issue(), await issue()];
    const volume = path.join(workshop.directory, 'volume');
    const swap = async (version: string, { certificatePem, keyPem }: Issued): Promise<void> => {
      await mkdir(path.join(volume, version), { recursive: true });
      await workshop.write(`volume/${version}/tls.crt`, certificatePem);
      await workshop.write(`volume/${version}/tls.key`, keyPem);
      await symlink(version, path.join(volume, '..data_tmp'));
      await rename(path.join(volume, '..data_tmp'), path.join(volume, '..data'));
    };
    await swap('..1', old);
    for (const name of ['tls.crt', 'tls.key']) await symlink(`..data/${name}`, path.join(volume, name));
    const config = onFreePort(emulator.config)
      .replace(/certificate: .*/, `certificate: ${volume}/tls.crt`)
      .replace(/privateKey: .*/, `privateKey: ${volume}/tls.key`);
    const { program, url } = await workshop.daemon(config);
    await granted(program, old);
    const load = new SdkLoad(url, { clients: 5, everyMs: 100 });
    await swap('..2', next);
    await rm(path.join(volume, '..1'), { recursive: true });
    await granted(program, next);
    await delay(500);
    await load.stop();
    expect(load.ledger.wrong).toEqual([]);
    expect(load.ledger.unavailable).toBe(0);
    expect(warnings(program)).toEqual(['SESSION_SHORT']);
  });

  test('half a certificate for more than ten seconds: the pair in use is still renewed, and one log line reports it', async () => {
    const { emulator, issue } = await fleet('half', '--grant-seconds', '10');
    const [old, next] = [await issue(), await issue()];
    await writeDevice(emulator, old);
    const { program, url } = await workshop.daemon(onFreePort(emulator.config));
    await granted(program, old);
    const load = new SdkLoad(url, { clients: 5, everyMs: 100 });
    await writeFile(path.join(emulator.directory, 'device.pem'), next.certificatePem.slice(0, 400));
    await program.says(/PEM_BLOCK_UNFINISHED/, 20_000);
    const sessions = (): number => program.log.filter(({ msg }) => msg === 'role session granted').length;
    const before = sessions();
    await eventually('a renewal', 20_000, () => sessions() > before || undefined);
    await writeDevice(emulator, next);
    await granted(program, next);
    await load.stop();
    expect(load.ledger.wrong).toEqual([]);
    expect(load.ledger.unavailable).toBe(0);
    expect(warnings(program)).toEqual(['SESSION_SHORT', 'PEM_BLOCK_UNFINISHED']);
  });
});

describe('SIGHUP', () => {
  test('with flags only, reads the certificate again and ends nothing', async () => {
    const { emulator, issue } = await fleet('flags', '--grant-seconds', '10');
    const [old, next] = [await issue(), await issue()];
    await writeDevice(emulator, old);
    const value = (key: string): string => new RegExp(`${key}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    const program = workshop.start([
      'serve',
      ...['--certificate', value('certificate'), '--private-key', value('privateKey')],
      ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ...['--role-arn', value('roleArn'), '--endpoint', emulator.url, '--port', '0'],
    ]);
    await granted(program, old);
    await writeDevice(emulator, next);
    process.kill(program.pid, 'SIGHUP');
    await program.says(/configuration applied/);
    await granted(program, next);
    expect(program.stdout.match(/^export /gm)).toHaveLength(1);
    expect((await program.stop()).code).toBe(0);
  });

  test('with a configuration file, reads that again too', async () => {
    const { emulator, issue } = await fleet('hangup');
    await writeDevice(emulator, await issue());
    const { program, url } = await workshop.daemon(onFreePort(emulator.config));
    const key = await served(url);
    process.kill(program.pid, 'SIGHUP');
    const line = await eventually('what was done', 10_000, () =>
      program.log.find(({ msg }) => msg === 'configuration applied'),
    );
    expect(line).toMatchObject({ stopped: [], started: [], reopened: [], adjusted: [] });
    expect(await served(url)).toBe(key);
  });
});

describe('a configuration file that changes', () => {
  test('a valid one is applied: a role is added, the other stays, and the log level changes', async () => {
    const { emulator, issue } = await fleet('good');
    await writeDevice(emulator, await issue());
    const config = onFreePort(emulator.config);
    const file = await workshop.write('good.yaml', config);
    const program = workshop.start(['serve', file]);
    const [, url = ''] = await program.says(/ENDPOINT=(http:\S+) # device/);
    const key = await served(url);
    const [role = ''] = /^ {2}- roleArn: .*\n.*$/m.exec(config) ?? [];
    const second = role.replace('- roleArn', '- name: second\n    roleArn');
    await writeFile(file, `${config.replace(role, `${role}\n${second}`)}\nlog: { level: debug }\n`);
    const [, secondUrl = ''] = await program.says(/ENDPOINT=(http:\S+) # second/);
    expect(await served(secondUrl)).not.toBe(key);
    expect(await served(url)).toBe(key);
    await program.says(/"level":"debug".*"role":"device"/);
    await writeFile(file, config);
    await eventually('the second endpoint closed', 10_000, async () =>
      (await fetch(secondUrl).catch(() => undefined)) ? undefined : true,
    );
    expect(await served(url)).toBe(key);
    expect(program.log.filter(({ msg }) => msg === 'configuration applied')).toMatchObject([
      { started: ['second'], stopped: [], reopened: [], adjusted: [] },
      { started: [], stopped: ['second'], reopened: [], adjusted: [] },
    ]);
  });

  test('an invalid one changes nothing, and the log lists all problems', async () => {
    const { emulator, issue } = await fleet('broken');
    await writeDevice(emulator, await issue());
    const config = onFreePort(emulator.config);
    const socket = path.join(workshop.directory, 'broken.sock');
    const file = await workshop.write('broken.yaml', `${config}\nadmin: { socket: '${socket}' }\n`);
    const program = workshop.start(['serve', file]);
    const [, url = ''] = await program.says(/ENDPOINT=(http:\S+)/);
    const key = await served(url);
    await writeFile(file, `${config.replace('certificate:', 'certifikate:')}\nlog: { level: loud }\n`);
    const line = await eventually('the problems', 15_000, () => program.log.find(({ problems }) => problems));
    expect(line).toMatchObject({ level: 'error', code: 'CONFIG_INVALID' });
    const problems = line['problems'] as readonly { readonly code: string; readonly remedy: string }[];
    expect(problems.map(({ code }) => code).sort()).toEqual(['CONFIG_UNKNOWN_KEY', 'CONFIG_WRONG_VALUE']);
    expect(await served(url)).toBe(key);
    const { code, stdout } = await run(['status', '--socket', socket]);
    expect([code, stdout]).toEqual([1, expect.stringContaining('CONFIG_INVALID')]);
    await rm(file);
    await program.says(/CONFIG_UNREADABLE/);
    expect(await served(url)).toBe(key);
  });
});
