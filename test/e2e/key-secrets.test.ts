import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FaultyTokens } from '../keys/faulty-token.ts';
import { hasTokens } from '../keys/soft-token.ts';
import { hasTpmTools, SoftwareTpm } from '../keys/tpm/software-tpm.ts';
import { readCredentials } from '../support/imds-client.ts';
import { eventually, run, type RunningProgram } from '../support/program.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { onFreePort, type RunningEmulator, Workshop } from '../support/workshop.ts';
import { MarkedSecrets } from './marked-secrets.ts';

// The PIN of a token and the password of a key in a TPM: in no output, status, argument or environment, right or wrong.

const mark = (what: string): string => `marked-${what}-${randomBytes(6).toString('hex')}`;
const PIN = mark('pin');
const WRONG_PIN = mark('wrong-pin');
const PASSWORD = mark('tpm-password');

const secrets = new MarkedSecrets();
secrets.add('PIN', PIN);
secrets.add('wrong PIN', WRONG_PIN);
secrets.add('TPM password', PASSWORD);

let workshop: Workshop;
let emulator: RunningEmulator;

beforeAll(async () => {
  workshop = await Workshop.open();
  emulator = await workshop.emulator();
  return workshop.close;
});

function expectNothingIn(where: string, content: string | Buffer): void {
  expect(`${where}: ${secrets.foundIn(content).join(', ')}`).toBe(`${where}: `);
}

function configured(identity: readonly string[]): string {
  const config = emulator.config.replace(
    /^ {2}certificate: .*\n {2}privateKey: .*$/m,
    identity.map((line) => `  ${line}`).join('\n'),
  );
  return `${onFreePort(config)}\nlog: { level: debug }\nadmin: { socket: ${adminSocket()} }\n`;
}

/** What the system shows of a process. Only root can read the environment of one that has closed its memory. */
async function expectNothingShownBy(pid: number): Promise<void> {
  for (const file of ['cmdline', 'environ', 'status']) {
    const content = await readFile(`/proc/${pid}/${file}`).catch(() => Buffer.alloc(0));
    expectNothingIn(`${file} of ${pid}`, content);
  }
}

const adminSocket = (): string => path.join(workshop.directory, 'admin.sock');

async function adminPage(page: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: adminSocket(), path: `/${page}` }, (answer) => {
      text(answer).then(resolve, reject);
    });
    asked.on('error', reject).end();
  });
}

async function expectNothingToldBy(program: RunningProgram, code: string | undefined): Promise<void> {
  const pages = [await adminPage('status'), await adminPage('metrics')];
  for (const page of pages) expectNothingIn('admin', page);
  if (code !== undefined) expect(pages.join('\n')).toContain(code);
  await expectNothingShownBy(program.pid);
  const { stdout, stderr } = await program.stop();
  expect(stderr).toContain('"level":"debug"');
  expectNothingIn('standard output', stdout);
  expectNothingIn('standard error', stderr);
}

const session = (url: string): Promise<unknown> =>
  eventually('a session', 30_000, async () => (await readCredentials(url)).document);

const logged = (program: RunningProgram, code: string): Promise<unknown> =>
  eventually(code, 30_000, () => program.log.find((line) => line['code'] === code));

describeWith('softhsm2, opensc and gcc', hasTokens() && hasTool('gcc', '--version'), 'a PIN', () => {
  const tokens = new FaultyTokens();
  let identity: (pin: string) => Promise<readonly string[]>;

  beforeAll(async () => {
    const read = (name: string): Promise<string> => readFile(path.join(emulator.directory, name), 'utf8');
    tokens.addToken('ra');
    tokens.addKey('ra', { keyPem: await read('device.key') }, { label: 'device', id: '07' });
    tokens.tool('ra', ['--change-pin', '--new-pin', PIN]);
    identity = async (pin) => [
      `certificate: ${path.join(emulator.directory, 'device.pem')}`,
      'privateKey: pkcs11:token=ra;object=device',
      `passphrase: { file: ${await workshop.write('pin', pin)} }`,
      `pkcs11: { module: ${tokens.faultyModule} }`,
    ];
  });

  test('stays secret while the key signs, even where the module prints it', async () => {
    tokens.fault('C_Login noise');
    const config = configured(await identity(PIN));
    const { program, url } = await workshop.daemon(config, { env: tokens.environment });
    await session(url);
    // What a module prints is logged, without the PIN.
    expect(program.stderr).toContain('the PIN is [secret]');
    await expectNothingToldBy(program, undefined);
  });

  test('is in no argument and no variable of the process that signs', async () => {
    tokens.fault('C_SignInit delay 5000');
    const config = configured(await identity(PIN));
    const { program } = await workshop.daemon(config, { env: tokens.environment });
    const pid = await eventually(
      'a signature',
      30_000,
      () => tokens.calls.find(({ name }) => name === 'C_SignInit')?.pid,
    );
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toContain('key-process.js');
    await expectNothingShownBy(pid);
    await program.stop();
  });

  test('that is wrong stays secret too', async () => {
    tokens.fault('C_Login noise');
    const config = configured(await identity(WRONG_PIN));
    const { program } = await workshop.daemon(config, { env: tokens.environment });
    await logged(program, 'PKCS11_PIN_WRONG');
    await expectNothingToldBy(program, 'PKCS11_PIN_WRONG');
  });

  test('in the URI is rejected and not repeated', async () => {
    const uri = `pkcs11:token=ra;object=device?pin-value=${PIN}`;
    const [certificate = ''] = await identity(PIN);
    const file = await workshop.write('uri.yaml', configured([certificate, `privateKey: ${uri}`]));
    for (const args of [
      ['check-config', file],
      ['csr', '--subject', 'CN=x', '--private-key', uri],
    ]) {
      const { code, stdout, stderr } = await run(args, { env: tokens.environment });
      expect(code).toBe(2);
      expect(stderr).toContain('pin-value');
      expectNothingIn(args[0] ?? '', stdout + stderr);
    }
  });
});

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'the password of a key in a TPM', () => {
  let tpm: SoftwareTpm;
  beforeAll(async () => {
    tpm = await SoftwareTpm.start();
  });
  afterAll(() => tpm.stop());

  test('stays secret, right or wrong', async () => {
    const env = { TPM_DEVICE: tpm.device };
    const inWorkshop = { env, cwd: workshop.directory };
    const file = await workshop.write('password', PASSWORD);
    const made = await run(['key', 'new', '--tpm', 'device.tss', '--passphrase-file', file], inWorkshop);
    const csr = ['csr', '--private-key', 'device.tss', '--subject', 'CN=x', '--passphrase-file'];
    const requested = await run([...csr, file], inWorkshop);
    const wrong = await run([...csr, await workshop.write('wrong', WRONG_PIN)], {
      ...inWorkshop,
      env: { ...env, DEBUG: '*' },
    });
    expect([made.code, requested.code, wrong.code]).toEqual([0, 0, 1]);
    expect(wrong.stderr).toContain('TPM_PASSWORD_WRONG');
    for (const { stdout, stderr } of [made, requested, wrong]) expectNothingIn('output', stdout + stderr);
    expectNothingIn('device.tss', await readFile(path.join(workshop.directory, 'device.tss')));
  });
});
