import { execFileSync } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { hasTpmTools, SoftwareTpm } from '../keys/tpm/software-tpm.ts';
import { readCredentials } from '../support/imds-client.ts';
import { type Outcome, run } from '../support/program.ts';
import { describeWith } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';

// Keys that never leave a TPM, each from its making to a session that the emulator granted.

const PASSWORD = 'marked-tpm-password';

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'from a TPM to a session', () => {
  let workshop: Workshop;
  let emulator: RunningEmulator;
  let tpm: SoftwareTpm;

  beforeAll(async () => {
    workshop = await Workshop.open();
    [emulator, tpm] = await Promise.all([workshop.emulator(), SoftwareTpm.start()]);
    await workshop.write('password', `${PASSWORD}\n`);
    return workshop.close;
  });
  afterAll(() => tpm.stop());

  const inWorkshop = (...args: readonly string[]): Promise<Outcome> =>
    run(args, { cwd: workshop.directory, env: { TPM_DEVICE: tpm.device } });

  /** Has the request of a key signed by the emulator's CA. */
  async function certified(key: string, ...flags: readonly string[]): Promise<void> {
    const request = await inWorkshop(
      'csr',
      '--private-key',
      key,
      '--subject',
      `CN=device-${key},OU=Devices,O=Example`,
      ...flags,
    );
    expect(request).toMatchObject({ code: 0, stderr: '' });
    await issue(request.stdout, `${key}.pem`);
  }

  async function issue(request: string | Buffer, certificate: string): Promise<void> {
    await workshop.write('request.pem', request.toString());
    await workshop.write('extensions', 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature');
    const ca = path.join(emulator.directory, 'intermediate-ca');
    const signing = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-extfile', 'extensions'];
    const openssl = (...args: readonly string[]): Buffer =>
      execFileSync('openssl', args, { cwd: workshop.directory, stdio: 'pipe' });
    openssl('req', '-verify', '-noout', '-in', 'request.pem');
    openssl('x509', '-req', '-days', '5', '-in', 'request.pem', ...signing, '-out', certificate);
  }

  function session(certificate: string, ...flags: readonly string[]): Promise<Outcome> {
    const value = (name: string): string => new RegExp(`${name}: (\\S+)`).exec(emulator.config)?.[1] ?? '';
    return inWorkshop(
      ...['credential-process', '--certificate', certificate, ...flags],
      ...['--intermediates', path.join(emulator.directory, 'intermediate-ca.pem')],
      ...['--trust-anchor-arn', value('trustAnchorArn'), '--profile-arn', value('profileArn')],
      ...['--role-arn', value('roleArn'), '--endpoint', emulator.url],
    );
  }

  function expectGranted(outcome: Outcome): void {
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ AccessKeyId: expect.stringMatching(/^ASIA/) as string });
    expect(tpm.leftovers).toBe('');
  }

  test.each(['ec-p256', 'rsa-2048'])('with a key of key new: %s', async (type) => {
    const key = `${type}.tss`;
    expect(await inWorkshop('key', 'new', '--tpm', key, '--type', type)).toMatchObject({ code: 0 });
    await certified(key);
    expectGranted(await session(`${key}.pem`, '--private-key', key));
  });

  test('with a key that has a password, which is never shown', async () => {
    const passphrase = ['--passphrase-file', 'password'];
    expect(await inWorkshop('key', 'new', '--tpm', 'guarded.tss', ...passphrase)).toMatchObject({ code: 0 });
    await certified('guarded.tss', ...passphrase);
    expectGranted(await session('guarded.tss.pem', '--private-key', 'guarded.tss', ...passphrase));
    await workshop.write('wrong', 'marked-wrong-password\n');
    const refused = await session('guarded.tss.pem', '--private-key', 'guarded.tss', '--passphrase-file', 'wrong');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('TPM_PASSWORD_WRONG');
    expect(refused.stderr).not.toContain('marked');
  });

  test('with a key of tpm2-openssl', async () => {
    const key = path.join(workshop.directory, 'openssl.tss');
    tpm.tools(`openssl genpkey -provider tpm2 -provider default -algorithm EC -pkeyopt group:P-384 -out ${key}`);
    await certified('openssl.tss');
    expectGranted(await session('openssl.tss.pem', '--private-key', 'openssl.tss'));
  });

  test('with a persistent key, by its handle as the AWS helper takes it', async () => {
    tpm.tools(
      'tpm2_createprimary -C o -G ecc -c srk.ctx',
      'tpm2_create -C srk.ctx -G ecc256 -u key.pub -r key.priv',
      'tpm2_load -C srk.ctx -u key.pub -r key.priv -c key.ctx',
      'tpm2_evictcontrol -C o -c key.ctx 0x81010001',
    );
    const certificate = 'handle.pem';
    await issue(
      tpm.tool(
        'openssl',
        ...['req', '-new', '-provider', 'tpm2', '-provider', 'default', '-propquery', '?provider=tpm2'],
        ...['-key', 'handle:0x81010001', '-subj', '/O=Example/OU=Devices/CN=device-handle'],
      ),
      certificate,
    );
    const flags = ['--private-key', 'handle:0x81010001', '--no-tpm-key-password'];
    expectGranted(await session(certificate, ...flags));
    const config = emulator.config
      .replace(/^( *)certificate: .*/m, `$1certificate: ${certificate}\n$1tpm: { device: '${tpm.device}' }`)
      .replace(
        /privateKey: .*/,
        `privateKey: handle:0x81010001\n  intermediates: ${emulator.directory}/intermediate-ca.pem`,
      );
    const checked = await run(['check-config', await workshop.write('checked.yaml', config)]);
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    expect(checked.stdout).toContain('handle:0x81010001, which has signed and was verified');
    const empty = await session(certificate, '--private-key', 'handle:0x81010002');
    expect(empty).toMatchObject({ code: 1, stdout: '' });
    expect(empty.stderr).toContain('TPM_HANDLE_EMPTY: handle:0x81010002');
  });

  test('with the certificate of another key, it is rejected before the TPM is asked', async () => {
    expect(await inWorkshop('key', 'new', '--tpm', 'other.tss')).toMatchObject({ code: 0 });
    expect(await inWorkshop('key', 'new', '--tpm', 'own.tss')).toMatchObject({ code: 0 });
    await certified('own.tss');
    const refused = await session('own.tss.pem', '--private-key', 'other.tss');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('KEY_CERTIFICATE_MISMATCH');
  });

  test('in a daemon that starts before there is a TPM', async () => {
    const device = path.join(workshop.directory, 'later');
    const key = path.join(workshop.directory, 'early.tss');
    expect(await inWorkshop('key', 'new', '--tpm', 'early.tss')).toMatchObject({ code: 0 });
    await certified('early.tss');
    const config = onFreePort(emulator.config)
      .replace(
        /^( *)certificate: .*/m,
        `$1certificate: ${key}.pem\n$1intermediates: ${emulator.directory}/intermediate-ca.pem`,
      )
      .replace(/privateKey: .*/, `privateKey: ${key}`);
    const { program, url } = await workshop.daemon(config, { env: { TPM_DEVICE: device } });
    await vi.waitFor(() => {
      expect(program.stderr).toContain('TPM_UNREACHABLE');
    }, 10_000);
    await symlink(tpm.device, device);
    await expect.poll(async () => (await readCredentials(url)).status).toBe(200);
  });
});
