import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { createAccount } from '../../src/emulator/account/new-account.ts';
import { hasTokens, PIN, SoftTokens } from '../keys/soft-token.ts';
import { hasTpmTools, SoftwareTpm } from '../keys/tpm/software-tpm.ts';
import { isRoot } from '../support/as-user.ts';
import { readCredentials } from '../support/imds-client.ts';
import { type Authority, type Issued, makeAuthority } from '../support/pki.ts';
import { eventually, run, type RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, Workshop } from '../support/workshop.ts';

// The real program, with OpenSSL as a CA, by the script and the configuration of docs/renewal.md.

vi.setConfig({ testTimeout: 90_000 });

let workshop: Workshop;
let page: string;

beforeAll(async () => {
  workshop = await Workshop.open();
  page = await readFile('docs/renewal.md', 'utf8');
  return workshop.close;
});

const SUBJECT = 'CN=device-0001,OU=Devices,O=Example';
const MINUTE = 60_000;

interface Site {
  readonly directory: string;
  readonly program: string;
  readonly config: string;
  readonly first: Issued;
}

/**
 * An emulator that trusts a CA of OpenSSL, a device, and the program that renews its certificate.
 *
 * @param life - of the first certificate, from now. By default, it is due at once.
 */
async function site(name: string, life = { notBefore: -MINUTE, notAfter: MINUTE }): Promise<Site> {
  const directory = path.join(workshop.directory, name);
  await createAccount(directory);
  const root = await makeAuthority();
  await writeFile(path.join(directory, 'root-ca.pem'), root.certificatePem);
  // The trust policy requires this name.
  const authority = await root.subordinate('Example Device CA');
  await openSslCa(directory, authority);
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const first = await authority.issue({
    ...{ subject: SUBJECT, notBefore: now + life.notBefore, notAfter: now + life.notAfter },
  });
  await writeFile(path.join(directory, 'device.pem'), first.certificatePem + authority.certificatePem);
  await chmod(path.join(directory, 'device.pem'), 0o640);
  await writeFile(path.join(directory, 'device.key'), first.keyPem, { mode: 0o600 });
  // Short sessions, so that a new certificate is soon tried.
  const emulator = workshop.start([
    ...['emulate', '--dir', directory, '--listen', '127.0.0.1:0', '--grant-seconds', '10'],
  ]);
  await emulator.says(/AWS_ENDPOINT_URL_STS/);
  const program = path.join(directory, 'renew-certificate');
  const script = block('sh', '#!/bin/sh').replace('/etc/imds-anywhere/ca', path.join(directory, 'ca'));
  await writeProgram(program, `${script}cat ca.pem\n`);
  const renew = `  renew: { command: ['${program}'], at: 0.1 }`;
  const socket = path.join(directory, 'admin.sock');
  const config = `${onFreePort(emulator.stdout).replace(/^( {2}privateKey: .*)$/m, `$1\n${renew}`)}\nadmin: { socket: '${socket}' }\n`;
  return { directory, program, config, first };
}

/** A block of the page. */
function block(language: string, start: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\\n(${start}[^]*?)\`\`\``).exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/renewal.md has no ${language} block that begins with ${start}`);
  return text;
}

async function openSslCa(directory: string, { certificatePem, keyPem }: Authority): Promise<void> {
  const ca = path.join(directory, 'ca');
  await mkdir(ca);
  await writeFile(path.join(ca, 'ca.pem'), certificatePem);
  await writeFile(path.join(ca, 'ca.key'), keyPem, { mode: 0o600 });
  await writeFile(path.join(ca, 'ca.cnf'), block('ini', '# ca.cnf'));
  await writeFile(path.join(ca, 'index.txt'), '');
}

/** The script, writing the file itself. */
function inPlace({ directory }: Pick<Site, 'directory'>, script: string): string {
  const written = script
    .replace('-out /dev/stdout', `-out '${directory}/new.pem'`)
    .replace('cat ca.pem', `cat ca.pem >>'${directory}/new.pem'`);
  return `${written}mv '${directory}/new.pem' '${directory}/device.pem'\n`;
}

/** A program that may be running is replaced, not changed. */
async function writeProgram(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await chmod(`${file}.new`, 0o700);
  await rename(`${file}.new`, file);
}

/** A process that has ended may still wait for its parent. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) [ZX] /.test(status);
}

const certificateOf = async ({ directory }: Site): Promise<X509Certificate> =>
  new X509Certificate(await readFile(path.join(directory, 'device.pem')));

/** Without roleSessionName, the session name is the serial number of the certificate. */
async function granted(program: RunningProgram, { serialNumber }: X509Certificate): Promise<void> {
  await program.says(
    new RegExp(`"assumedRoleArn":"[^"]*/${serialNumber.toLowerCase()}".*"msg":"role session granted"`),
    30_000,
  );
}

const messages = ({ log }: RunningProgram): unknown[] => log.map(({ msg }) => msg);

async function statusOf({ directory }: Site): Promise<{ readonly stdout: string }> {
  return run(['status', '--socket', path.join(directory, 'admin.sock')]);
}

async function adminPage({ directory }: Site, place: string): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    request(
      { socketPath: path.join(directory, 'admin.sock'), path: place, headers: { host: 'localhost' } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          resolve(text);
        });
      },
    )
      .on('error', reject)
      .end();
  });
}

/** Kills its process right before a change of a file. */
const KILL_AT = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
// The build replaces some of the promises by the callbacks.
for (const calls of [fs, fs.promises]) {
  for (const call of ['rename', 'rm']) {
    const real = calls[call];
    calls[call] = (...args) => {
      const file = call === 'rename' ? args[1] : args[0];
      if (call + ' ' + path.basename(String(file)) === process.env.KILL_AT) process.kill(process.pid, 'SIGKILL');
      return real(...args);
    };
  }
}
syncBuiltinESMExports();
`;

describeWith('OpenSSL', hasTool('openssl', 'version'), 'renewal by a program', () => {
  test('the CA of the page: a new certificate is tried, and then written in place', async () => {
    const renewing = await site('openssl');
    const { program } = await workshop.daemon(renewing.config);
    const before = await certificateOf(renewing);
    await granted(program, before);
    await program.says(/renewed certificate written/, 60_000);
    const after = await certificateOf(renewing);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(after.subject).toBe(before.subject);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    await granted(program, after);
    expect((await stat(path.join(renewing.directory, 'device.pem'))).mode & 0o777).toBe(0o640);
    expect(await readFile(path.join(renewing.directory, 'device.key'), 'utf8')).toBe(renewing.first.keyPem);
    // Tried first, then written, and only once.
    const order = ['renewing the certificate', 'renewed certificate written'];
    expect(messages(program).filter((message) => order.includes(String(message)))).toEqual(order);
    const log = program.log.map((line) => JSON.stringify(line));
    const trial = log.findIndex((line) => line.includes(`/${after.serialNumber.toLowerCase()}`));
    expect(trial).toBeLessThan(log.findIndex((line) => line.includes('renewed certificate written')));
    expect((await statusOf(renewing)).stdout).toMatch(/renewal +\d{4}-/);
  });

  test('a key behind a signer command', async () => {
    const renewing = await site('signer');
    const signer = path.join(renewing.directory, 'sign');
    const key = path.join(renewing.directory, 'device.key');
    await writeProgram(
      signer,
      [
        '#!/bin/sh',
        `sed -n 's/.*"message":"\\([^"]*\\)".*/\\1/p' | base64 -d >'${key}.message'`,
        `signature=$(openssl dgst -sha256 -sign '${key}' '${key}.message' | base64 -w0)`,
        `printf '{"signature":"%s"}' "$signature"`,
        '',
      ].join('\n'),
    );
    const config = renewing.config.replace(/^ {2}privateKey: .*$/m, `  signer: { command: ['${signer}'] }`);
    const before = await certificateOf(renewing);
    const { program } = await workshop.daemon(config);
    await program.says(/renewed certificate written/, 60_000);
    const after = await certificateOf(renewing);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    await granted(program, after);
  });

  test('a new key with each certificate, written together with it', async () => {
    const renewing = await site('rekey');
    const file = path.join(renewing.directory, 'device.pem');
    await writeFile(file, (await readFile(file, 'utf8')) + renewing.first.keyPem);
    await chmod(file, 0o600);
    await rm(path.join(renewing.directory, 'device.key'));
    const config = renewing.config.replace(/^ {2}privateKey: .*\n/m, '').replace('at: 0.1 }', 'at: 0.1, rekey: true }');
    const before = await certificateOf(renewing);
    const { program } = await workshop.daemon(config);
    await program.says(/renewed certificate written/, 60_000);
    const after = await certificateOf(renewing);
    expect(after.publicKey.equals(before.publicKey)).toBe(false);
    expect(after.checkPrivateKey(createPrivateKey(await readFile(file)))).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await granted(program, after);
    // A restart uses the new pair.
    await program.stop();
    await granted((await workshop.daemon(config)).program, after);
  });

  describe('a new key with each certificate, in two files', () => {
    async function twoFiles(name: string): Promise<Site & { readonly rekeying: string; readonly key: string }> {
      const renewing = await site(name, { notBefore: -MINUTE, notAfter: 5 * MINUTE });
      const rekeying = renewing.config.replace('at: 0.1 }', 'at: 0.1, rekey: true }');
      return { ...renewing, rekeying, key: path.join(renewing.directory, 'device.key') };
    }

    async function expectPair({ directory, key }: { directory: string; key: string }, mode = 0o600): Promise<void> {
      const certificate = new X509Certificate(await readFile(path.join(directory, 'device.pem')));
      await eventually('the key of the certificate', 30_000, async () =>
        certificate.checkPrivateKey(createPrivateKey(await readFile(key))) ? true : undefined,
      );
      await eventually('one key', 30_000, async () =>
        (await readdir(directory)).includes('device.key.next') ? undefined : true,
      );
      expect((await stat(key)).mode & 0o777).toBe(mode);
    }

    test.concurrent('both are replaced', async () => {
      const renewing = await twoFiles('rekey-two');
      const before = await certificateOf(renewing);
      const { program } = await workshop.daemon(renewing.rekeying);
      await program.says(/renewed certificate written/, 60_000);
      const after = await certificateOf(renewing);
      expect(after.publicKey.equals(before.publicKey)).toBe(false);
      await expectPair(renewing);
      await granted(program, after);
      await program.stop();
      await granted((await workshop.daemon(renewing.rekeying)).program, after);
    });

    test.concurrent.each([
      ['before the next key is written', 'rename device.key.next', false],
      ['before the certificate is written', 'rename device.pem', false],
      ['before the key takes its place', 'rename device.key', true],
      ['before the next key is removed', 'rm device.key.next', true],
    ])('kill -9 %s: a start finds a pair, and completes it', async (_, moment, isRenewed) => {
      const renewing = await twoFiles(moment.replaceAll(/\W/g, '-'));
      await expectCompleted(renewing, moment, isRenewed);
      await expectPair(renewing);
    });

    test.concurrent('the same with a key that others can change, if that is allowed', async () => {
      const made = await twoFiles('rekey-allowed');
      const rekeying = made.rekeying.replace(/^ {2}privateKey: .*$/m, '$&\n  allowReadableKey: true');
      await chmod(made.key, 0o666);
      if (isRoot) await chown(made.key, 65_533, 65_533);
      const { uid, gid } = await stat(made.key);
      await expectCompleted({ ...made, rekeying }, 'rename device.key', true);
      await expectPair(made, 0o666);
      expect(await stat(made.key)).toMatchObject({ uid, gid });
    });

    /** Killed at a step of the renewal, and started again. */
    async function expectCompleted(
      renewing: Site & { readonly rekeying: string },
      moment: string,
      isRenewed: boolean,
    ): Promise<void> {
      const before = await certificateOf(renewing);
      const hook = await workshop.write(`${path.basename(renewing.directory)}.mjs`, KILL_AT);
      const { program } = await workshop.daemon(renewing.rekeying, {
        env: { NODE_OPTIONS: `--import=${hook}`, KILL_AT: moment },
      });
      await program.ended;
      expect(program.log.map(({ msg }) => msg)).toContain('new certificate in use');
      const kept = await certificateOf(renewing);
      expect(kept.publicKey.equals(before.publicKey)).toBe(!isRenewed);
      // Without another renewal.
      const config = renewing.rekeying.replace(renewing.program, '/bin/false');
      const file = await workshop.write(`${path.basename(renewing.directory)}.yaml`, config);
      expect(await run(['check-config', file])).toMatchObject({ code: 0 });
      const { program: next } = await workshop.daemon(config);
      await granted(next, kept);
    }
  });

  test('a certificate that expired before the start', async () => {
    const renewing = await site('expired', { notBefore: -2 * MINUTE, notAfter: -MINUTE });
    const { program, url } = await workshop.daemon(renewing.config);
    await program.says(/CERTIFICATE_EXPIRED/, 30_000);
    await program.says(/renewed certificate written/, 60_000);
    const after = await certificateOf(renewing);
    expect(Date.parse(after.validTo)).toBeGreaterThan(Date.now());
    await granted(program, after);
    expect((await readCredentials(url)).document?.AccessKeyId).toBeDefined();
  });

  test('a program that writes the file itself', async () => {
    const renewing = await site('in-place');
    const { program: file } = renewing;
    await writeProgram(file, inPlace(renewing, await readFile(file, 'utf8')));
    const before = await certificateOf(renewing);
    const { program } = await workshop.daemon(renewing.config);
    const after = await eventually('another certificate', 60_000, async () => {
      const now = await certificateOf(renewing).catch(() => before);
      return now.serialNumber === before.serialNumber ? undefined : now;
    });
    await granted(program, after);
    expect(messages(program).filter((message) => message === 'renewing the certificate')).toHaveLength(1);
  });

  test('a failing program: reported everywhere, served meanwhile, and over when it works', async () => {
    const renewing = await site('failing');
    const { program: file } = renewing;
    const script = await readFile(file, 'utf8');
    await writeProgram(file, '#!/bin/sh\necho the CA is closed >&2\nexit 3\n');
    const { program, url } = await workshop.daemon(renewing.config);
    await program.says(/RENEWAL_PROGRAM_FAILED.*ended with exit code 3: the CA is closed/, 30_000);
    await granted(program, await certificateOf(renewing));
    expect((await readCredentials(url)).document?.AccessKeyId).toBeDefined();
    expect((await statusOf(renewing)).stdout).toContain('RENEWAL_PROGRAM_FAILED');
    expect(JSON.parse(await adminPage(renewing, '/status'))).toMatchObject({
      readiness: 'degraded',
      summary: expect.stringContaining('certificate not renewed (RENEWAL_PROGRAM_FAILED)') as string,
      identity: { renewal: { failure: { code: 'RENEWAL_PROGRAM_FAILED' } } },
    });
    expect(await adminPage(renewing, '/metrics')).toMatch(
      /renewal_failing_since_timestamp_seconds\{code="RENEWAL_PROGRAM_FAILED"\} \d/,
    );
    await writeProgram(file, script);
    await program.says(/certificate renewal works again/, 60_000);
    expect(await adminPage(renewing, '/metrics')).not.toMatch(/renewal_failing_since_timestamp_seconds\{/);
  });

  test('a certificate of another CA: refused, and the file stays', async () => {
    const renewing = await site('refused');
    const { directory } = renewing;
    const stranger = await makeAuthority('Stranger');
    await writeFile(path.join(directory, 'ca', 'ca.pem'), stranger.certificatePem);
    await writeFile(path.join(directory, 'ca', 'ca.key'), stranger.keyPem);
    const before = await readFile(path.join(directory, 'device.pem'), 'utf8');
    const { program, url } = await workshop.daemon(renewing.config);
    await program.says(/RENEWAL_REFUSED.*RA_/, 60_000);
    expect(await readFile(path.join(directory, 'device.pem'), 'utf8')).toBe(before);
    expect((await readCredentials(url)).document?.AccessKeyId).toBeDefined();
  });

  test('check-config reports a missing program, and certificates that cannot be written', async () => {
    const renewing = await site('checked');
    const file = await workshop.write('checked.yaml', renewing.config);
    expect((await run(['check-config', file])).code).toBe(0);
    await rename(renewing.program, `${renewing.program}.old`);
    const { code, stderr } = await run(['check-config', file]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('RENEWAL_PROGRAM_MISSING');
    const pkcs12 = renewing.config.replace(
      /certificate: .*/,
      `certificate: ${path.resolve('test/identity/device.p12')}`,
    );
    const unfit = await run(['check-config', await workshop.write('pkcs12.yaml', pkcs12)]);
    expect(unfit.stderr).toMatch(/identity\.certificate\n +RENEWAL_FILE_FORM/);
    const encrypted = renewing.config
      .replace('at: 0.1 }', 'rekey: true }')
      .replace(/^ {2}privateKey: .*$/m, `$&\n  passphrase: { environment: PASSPHRASE }`);
    expect((await run(['check-config', await workshop.write('encrypted.yaml', encrypted)])).stderr).toMatch(
      /identity\.renew\.rekey\n +CONFIG_WRONG_VALUE/,
    );
    const onToken = renewing.config.replace(/certificate: .*/, 'certificate: pkcs11:token=devices;object=device-0001');
    const refused = await run(['check-config', await workshop.write('token.yaml', onToken)]);
    expect(refused.stderr).toContain('identity.renew');
  });
});

const TOKEN_TOOLS = hasTool('openssl', 'version') && hasTokens();
describeWith('OpenSSL', hasTool('openssl', 'version'), 'the command renew', () => {
  const HOUR = 60 * MINUTE;
  const renew = (file: string, ...flags: string[]): ReturnType<typeof run> => run(['renew', file, ...flags]);

  /** A certificate that is not due. */
  async function notDue(name: string): Promise<Site & { readonly file: string }> {
    const made = await site(name, { notBefore: -MINUTE, notAfter: HOUR });
    return { ...made, file: await workshop.write(`${name}.yaml`, made.config) };
  }

  test('shows that the program works, and renews before it is due, for a running daemon too', async () => {
    const made = await notDue('renew-now');
    const program = workshop.start(['serve', made.file]);
    await granted(program, new X509Certificate(made.first.certificatePem));
    const before = await readFile(path.join(made.directory, 'device.pem'), 'utf8');
    const dry = await renew(made.file, '--dry');
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('not written (--dry)') as string });
    expect(await readFile(path.join(made.directory, 'device.pem'), 'utf8')).toBe(before);
    const done = await renew(made.file);
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('written to') as string });
    const certificate = await certificateOf(made);
    expect(done.stdout).toContain(certificate.serialNumber.toLowerCase());
    expect((await stat(path.join(made.directory, 'device.pem'))).mode & 0o777).toBe(0o640);
    await granted(program, certificate);
    expect(messages(program)).not.toContain('renewing the certificate');
    await program.stop();
  });

  test('with rekey writes both files', async () => {
    const made = await notDue('renew-rekey');
    const file = await workshop.write('renew-rekey.yaml', made.config.replace('at: 0.1', 'rekey: true'));
    expect(await renew(file)).toMatchObject({ code: 0 });
    const key = await readFile(path.join(made.directory, 'device.key'), 'utf8');
    expect(key).not.toBe(made.first.keyPem);
    expect((await certificateOf(made)).checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  test('renews an expired certificate', async () => {
    const made = await site('renew-expired', { notBefore: -2 * MINUTE, notAfter: -MINUTE });
    expect(await renew(await workshop.write('renew-expired.yaml', made.config))).toMatchObject({ code: 0 });
    expect(Date.parse((await certificateOf(made)).validTo)).toBeGreaterThan(Date.now());
  });

  test('takes what the program has written itself', async () => {
    const made = await notDue('renew-itself');
    await writeProgram(made.program, inPlace(made, await readFile(made.program, 'utf8')));
    expect(await renew(made.file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('the program wrote') as string,
    });
  });

  test.each([
    ['a program that fails', 'echo the CA is closed >&2; exit 3', /the CA is closed\n[^]*RENEWAL_PROGRAM_FAILED/],
    ['no certificate', 'echo', /RENEWAL_NO_CERTIFICATE/],
    ['the certificate in use', 'cat DEVICE', /RENEWAL_NOT_NEWER/],
  ])('reports %s, and writes nothing', async (title, script, said) => {
    const made = await notDue(`renew ${title}`.replaceAll(' ', '-'));
    const device = path.join(made.directory, 'device.pem');
    const before = await readFile(device, 'utf8');
    await writeProgram(made.program, `#!/bin/sh\n${script.replace('DEVICE', device)}\n`);
    expect(await renew(made.file)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(said) as string,
    });
    expect(await readFile(device, 'utf8')).toBe(before);
  });

  test('writes nothing that the service refuses', async () => {
    const made = await notDue('renew-refused');
    const before = await readFile(path.join(made.directory, 'device.pem'), 'utf8');
    await rm(path.join(made.directory, 'ca'), { recursive: true });
    await openSslCa(made.directory, await makeAuthority('Another CA'));
    const { code, stderr } = await renew(made.file);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/RA_|CERTIFICATE_|CHAIN_/)]);
    expect(await readFile(path.join(made.directory, 'device.pem'), 'utf8')).toBe(before);
  });

  test('never runs the program twice at a time', async () => {
    const made = await notDue('renew-twice');
    const script = await readFile(made.program, 'utf8');
    const [started, go] = ['started', 'go'].map((name) => path.join(made.directory, name));
    await writeProgram(
      made.program,
      script.replace('set -eu', `set -eu; : >${started}; until [ -e ${go} ]; do sleep 0.1; done`),
    );
    const first = workshop.start(['renew', made.file]);
    await eventually('the program', 30_000, () => stat(started ?? '').catch(() => undefined));
    expect(await renew(made.file, '--dry')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('RENEWAL_UNDERWAY') as string,
    });
    await writeFile(go ?? '', '');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(await readdir(made.directory)).not.toContain('device.pem.lock');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('with %s ends its program, and writes nothing', async (signal, code) => {
    const made = await notDue(`renew-${signal}`);
    const before = await readFile(path.join(made.directory, 'device.pem'), 'utf8');
    const started = path.join(made.directory, 'started');
    await writeProgram(
      made.program,
      `#!/bin/sh\necho $$ >${started}.new; mv ${started}.new ${started}\nexec sleep 600\n`,
    );
    const command = workshop.start(['renew', made.file]);
    const pid = Number(await eventually('the program', 30_000, () => readFile(started, 'utf8').catch(() => undefined)));
    expect(await command.stop(signal)).toMatchObject({ code, stdout: '', stderr: '' });
    await eventually('its end', 30_000, async () => ((await isRunning(pid)) ? undefined : true));
    expect(await readFile(path.join(made.directory, 'device.pem'), 'utf8')).toBe(before);
    expect(await readdir(made.directory)).not.toContain('device.pem.lock');
  });

  test('needs a program', async () => {
    const made = await notDue('renew-nothing');
    const file = await workshop.write('renew-nothing.yaml', made.config.replace(/^ {2}renew: .*\n/m, ''));
    expect(await renew(file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('RENEWAL_NOT_CONFIGURED') as string,
    });
  });
});

describeWith('OpenSSL, softhsm2 and opensc', TOKEN_TOOLS, 'renewal with a key on a token', () => {
  const tokens = new SoftTokens();

  test('the token signs the request, and keeps the key', async () => {
    const renewing = await site('token');
    tokens.addToken('devices');
    tokens.addKey('devices', renewing.first, { label: 'device', id: '07' });
    tokens.addCertificate('devices', renewing.first, { label: 'device', id: '07' });
    await rm(path.join(renewing.directory, 'device.key'));
    const pin = await workshop.write('pin', `${PIN}\n`);
    const key = [
      `  privateKey: 'pkcs11:token=devices;object=device;type=private?pin-source=${pin}'`,
      `  pkcs11: { module: '${tokens.module}' }`,
    ].join('\n');
    const before = await certificateOf(renewing);
    const { program } = await workshop.daemon(renewing.config.replace(/^ {2}privateKey: .*$/m, key), {
      env: tokens.environment,
    });
    await program.says(/renewed certificate written/, 60_000);
    const after = await certificateOf(renewing);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    await granted(program, after);
  });
});

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'renewal with a key in a TPM', () => {
  let tpm: SoftwareTpm;

  beforeAll(async () => {
    tpm = await SoftwareTpm.start();
    return () => tpm.stop();
  });

  test('the TPM signs the request, and keeps the key', async () => {
    const renewing = await site('tpm');
    const { directory, program: script } = renewing;
    const key = path.join(directory, 'device.tss');
    const env = { TPM_DEVICE: tpm.device };
    expect(await run(['key', 'new', '--tpm', key, '--type', 'ec-p256'], { env })).toMatchObject({ code: 0 });
    const request = await run(['csr', '--private-key', key, '--subject', SUBJECT], { env });
    // The first certificate is due at once.
    const at = (milliseconds: number): string =>
      `${new Date(Date.now() + milliseconds).toISOString().slice(0, 19).replaceAll(/\D/g, '')}Z`;
    const short = `openssl ca -startdate ${at(-MINUTE)} -enddate ${at(4 * MINUTE)}`;
    await writeProgram(`${script}.first`, (await readFile(script, 'utf8')).replace('openssl ca', short));
    // With files, because Node's pipes cannot be opened as /dev/stdin.
    await writeFile(`${key}.csr`, request.stdout);
    const files = [`${script}.first`, `${key}.csr`, path.join(directory, 'device.pem')];
    execFileSync('/bin/sh', ['-c', 'rm "$3"; "$1" <"$2" >>"$3"', 'sh', ...files], { stdio: 'pipe' });
    const before = await certificateOf(renewing);
    const { program } = await workshop.daemon(
      renewing.config.replace(/^ {2}privateKey: .*$/m, `  privateKey: ${key}\n  tpm: { device: '${tpm.device}' }`),
    );
    await program.says(/renewed certificate written/, 60_000);
    const after = await certificateOf(renewing);
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(after.publicKey.equals(before.publicKey)).toBe(true);
    await granted(program, after);
  });
});
