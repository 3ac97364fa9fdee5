import { spawn } from 'node:child_process';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import type { CodedError } from '../../../src/foundation/errors.ts';
import type { Tpm } from '../../../src/keys/tpm/tpm.ts';
import { publicKeyAt, publicKeyInFile, signByTpm, type TpmKeyLocation } from '../../../src/keys/tpm/tpm-key.ts';
import { describeWith } from '../../support/tools.ts';
import { keyFile, type KeyFileFields } from './key-file-writer.ts';
import { type Given, passwordsOf, record, seededRandom, SIGNED } from './recording.ts';
import { hasTpmTools, SoftwareTpm } from './software-tpm.ts';
import { type Exchanged, withTpm } from './with-tpm.ts';

const message = Buffer.from(SIGNED);

/** Everything that was sent to the TPM for the last signature. */
let sent: readonly Buffer[] = [];

let signatures = 0;

/** With RECORD_TPM set, the exchanges become vectors for `recorded.test.ts`. */
async function signed({ device }: SoftwareTpm, location: TpmKeyLocation, given: Given = {}): Promise<Buffer> {
  const exchanged: Exchanged[] = [];
  const title = `${expect.getState().currentTestName?.replace(/^.*> /, '') ?? ''}, ${(signatures += 1)}`;
  const work = (tpm: Tpm): Promise<Buffer> => signByTpm(tpm, location, passwordsOf(given), message);
  try {
    const signature = await withTpm(device, work, exchanged, seededRandom(title));
    record(title, { location, given }, { exchanged, outcome: { signature: signature.toString('hex') } });
    return signature;
  } catch (error) {
    record(title, { location, given }, { exchanged, outcome: { code: (error as CodedError).code } });
    throw error;
  } finally {
    sent = exchanged.map(({ command }) => command);
  }
}

function isSigned(publicKey: KeyObject, signature: Buffer): boolean {
  return verify('sha256', message, publicKey, signature);
}

const genpkey = 'openssl genpkey -provider tpm2 -provider default';
const SIGNS = 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign';

describeWith('swtpm, tpm2-tools and tpm2-openssl', hasTpmTools(), 'a key in a TPM', () => {
  let software: SoftwareTpm;

  beforeEach(() => {
    signatures = 0;
  });
  beforeAll(async () => {
    software = await SoftwareTpm.start();
    // Of wrong passwords there are many here.
    software.tools('tpm2_dictionarylockout --setup-parameters --max-tries=1000 --recovery-time=1000');
    // The storage root key as the specification of key files has it: tpm2_createprimary leaves "noda" out.
    software.tools(
      'tpm2_createprimary -C o -G ecc -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt -c srk.ctx',
    );
  });
  afterAll(() => software.stop());

  /** A key that tpm2_create makes below the storage root key, in a file. */
  function created(options: string, fields: KeyFileFields = {}, parent = 'srk.ctx'): Buffer {
    software.tools(`tpm2_create -C ${parent} -u key.pub -r key.priv ${options}`);
    return keyFile(readFileSync(software.file('key.pub')), readFileSync(software.file('key.priv')), fields);
  }

  async function expectSignature(file: Buffer, given?: Given): Promise<void> {
    const signature = await signed(software, { file }, given);
    expect(isSigned(publicKeyInFile(file), signature)).toBe(true);
    expect(software.leftovers).toBe('');
  }

  async function expectRefusal(file: Buffer, code: string, given?: Given): Promise<void> {
    await expect(signed(software, { file }, given)).rejects.toMatchObject({ code });
    expect(software.leftovers).toBe('');
  }

  it.each([
    ['P-256', '-algorithm EC -pkeyopt group:P-256'],
    ['P-384', '-algorithm EC -pkeyopt group:P-384'],
    ['P-521', '-algorithm EC -pkeyopt group:P-521'],
    ['RSA-2048', '-algorithm RSA -pkeyopt bits:2048'],
  ])('made by tpm2-openssl signs: %s', async (name, options) => {
    software.tools(
      `${genpkey} ${options} -out ${name}.tss`,
      `openssl pkey -provider tpm2 -provider base -in ${name}.tss -pubout -out ${name}.pem`,
    );
    const file = derOf(software.file(`${name}.tss`));
    await expectSignature(file);
    expect(publicKeyInFile(file).equals(createPublicKey(readFileSync(software.file(`${name}.pem`))))).toBe(true);
  });

  it.each([
    ['of no scheme', '-G ecc256'],
    ['that may also decrypt', '-G rsa2048'],
    ['bound to ECDSA with SHA-256', '-G ecc256:ecdsa-sha256'],
    ['bound to ECDSA with SHA-384, on P-384', '-G ecc384:ecdsa-sha384'],
    ['bound to ECDSA with SHA-384, on P-256', '-G ecc256:ecdsa-sha384'],
    ['bound to ECDSA with SHA-512, on P-384', '-G ecc384:ecdsa-sha512'],
    ['bound to ECDSA with SHA-512, on P-521', '-G ecc521:ecdsa-sha512'],
    ['bound to RSASSA with SHA-256', '-G rsa2048:rsassa-sha256:null'],
    ['of 3072 bits', '-G rsa3072'],
    ['that may only decrypt', '-G rsa2048 -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt'],
    ['whose name is a SHA-384', '-G ecc256 -g sha384'],
  ])('made by tpm2_create signs: %s', async (_, options) => {
    await expectSignature(created(options));
  });

  it.each([
    ['bound to RSAPSS', '-G rsa2048:rsapss-sha256:null'],
    ['bound to RSASSA with SHA-384', '-G rsa2048:rsassa-sha384:null'],
    ['bound to ECDSA with SHA-1', '-G ecc256:ecdsa-sha1'],
    ['bound to ECDAA', '-G ecc256:ecdaa4-sha256'],
    ['restricted', `-G ecc256:ecdsa-sha256:null -a ${SIGNS}|restricted`],
    ['that may only decrypt, on a curve', '-G ecc256 -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt'],
    [
      'that decrypts with OAEP only',
      '-G rsa2048:oaep-sha256:null -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt',
    ],
  ])('is rejected before the TPM is asked: %s', async (_, options) => {
    const file = created(options);
    await expectRefusal(file, 'TPM_KEY_CANNOT_SIGN');
    expect(sent).toEqual([]);
  });

  it('with a password signs with it, and no password is sent', async () => {
    const password = 'a password of a key';
    software.tool(
      'openssl',
      ...`${genpkey} -algorithm EC -pkeyopt group:P-256 -out guarded.tss`.split(' ').slice(1),
      '-pkeyopt',
      `user-auth:${password}`,
    );
    const file = derOf(software.file('guarded.tss'));
    await expectSignature(file, { password });
    expect(sent.some((command) => command.includes(password))).toBe(false);
    await expectRefusal(file, 'TPM_PASSWORD_WRONG', { password: 'another' });
    await expectRefusal(file, 'TPM_PASSWORD_MISSING');
  });

  it('is read as tpm2_encodeobject writes it', async () => {
    created('-G ecc256 -p abc');
    for (const option of ['', ' -p']) {
      software.tools(`tpm2_encodeobject -C srk.ctx -u key.pub -r key.priv -o encoded.tss${option}`);
      await expectSignature(derOf(software.file('encoded.tss')), { password: 'abc' });
    }
  });

  it('with a description, and below an RSA root key', async () => {
    software.tools(
      'tpm2_createprimary -C o -G rsa -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt -c rsa.ctx',
    );
    const fields = { description: 'device key', rsaParent: true };
    await expectSignature(created('-G ecc256', fields, 'rsa.ctx'));
    await expectSignature(created('-G ecc256 -p abc', fields, 'rsa.ctx'), { password: 'abc' });
  });

  it('below a persistent parent with a password', async () => {
    const parentPassword = 'of the parent';
    software.tool('tpm2_createprimary', '-C', 'o', '-G', 'ecc', '-p', parentPassword, '-c', 'parent.ctx');
    software.tools('tpm2_evictcontrol -C o -c parent.ctx 0x81000010');
    software.tool(
      'tpm2_create',
      '-C',
      '0x81000010',
      '-P',
      parentPassword,
      '-G',
      'ecc256',
      '-p',
      'abc',
      '-u',
      'key.pub',
      '-r',
      'key.priv',
    );
    const file = keyFile(readFileSync(software.file('key.pub')), readFileSync(software.file('key.priv')), {
      parent: 0x8100_0010,
    });
    await expectSignature(file, { parentPassword, password: 'abc' });
    expect(sent.some((command) => command.includes(parentPassword))).toBe(false);
    await expectRefusal(file, 'TPM_PASSWORD_WRONG', { parentPassword: 'another', password: 'abc' });
    await expectRefusal(file, 'TPM_PASSWORD_MISSING', { password: 'abc' });
    software.tools('tpm2_evictcontrol -C o -c 0x81000010');
    await expectRefusal(file, 'TPM_HANDLE_EMPTY', { parentPassword, password: 'abc' });
  });

  it('of an owner with a password', async () => {
    const file = created('-G ecc256');
    const ownerPassword = 'of the owner';
    software.tool('tpm2_changeauth', '-c', 'o', ownerPassword);
    try {
      await expectSignature(file, { ownerPassword });
      expect(sent.some((command) => command.includes(ownerPassword))).toBe(false);
      await expectRefusal(file, 'TPM_PASSWORD_WRONG', { ownerPassword: 'another' });
      await expectRefusal(file, 'TPM_PASSWORD_MISSING');
    } finally {
      software.tool('tpm2_changeauth', '-c', 'o', '-p', ownerPassword);
    }
  });

  describePolicies();

  function describePolicies(): void {
    const AUTH_VALUE = { command: 0x16b, parameters: Buffer.alloc(0) };
    const PASSWORD = { command: 0x18c, parameters: Buffer.alloc(0) };
    const SIGN_ONLY = { command: 0x16c, parameters: Buffer.from('0000015d', 'hex') };
    const UNUSABLE_BY_PASSWORD = '-a fixedtpm|fixedparent|sensitivedataorigin|noda|sign';

    /** The selection sha256:16, and the digest of its present value. */
    function pcrPolicy(): { command: number; parameters: Buffer } {
      software.tools('tpm2_pcrread sha256:16 -o pcr.bin', 'openssl dgst -sha256 -binary -out pcr.digest pcr.bin');
      const digest = readFileSync(software.file('pcr.digest'));
      const selection = Buffer.from('00000001000b03000001', 'hex');
      return { command: 0x17f, parameters: Buffer.concat([Buffer.from([0, digest.length]), digest, selection]) };
    }

    function withPolicy(policy: KeyFileFields['policy'], commands: readonly string[], options = ''): Buffer {
      software.tools(
        'tpm2_startauthsession -S trial.ctx',
        ...commands.map((command) => `${command} -S trial.ctx -L policy.bin`),
      );
      return created(`-G ecc256 -L policy.bin ${UNUSABLE_BY_PASSWORD}${options}`, policy ? { policy } : {});
    }

    it('bound to PCRs signs while they are the same', async () => {
      const file = withPolicy([pcrPolicy()], ['tpm2_policypcr -l sha256:16']);
      await expectSignature(file);
      software.tool('tpm2_pcrextend', `16:sha256=${'11'.repeat(32)}`);
      await expectRefusal(file, 'TPM_POLICY_UNMET');
      software.tools('tpm2_pcrreset 16');
      await expectSignature(file);
    });

    it.each([
      ['PolicyAuthValue', 'tpm2_policyauthvalue', AUTH_VALUE],
      ['PolicyPassword', 'tpm2_policypassword', PASSWORD],
    ])('with %s signs with its password, which is not sent', async (_, command, step) => {
      const file = withPolicy([step], [command], ' -p policy-password');
      await expectSignature(file, { password: 'policy-password' });
      expect(sent.some((each) => each.includes('policy-password'))).toBe(false);
      await expectRefusal(file, 'TPM_PASSWORD_WRONG', { password: 'another' });
      await expectRefusal(file, 'TPM_PASSWORD_MISSING');
    });

    it('with several conditions signs if all are met', async () => {
      const steps = [pcrPolicy(), AUTH_VALUE, SIGN_ONLY];
      const commands = ['tpm2_policypcr -l sha256:16', 'tpm2_policyauthvalue', 'tpm2_policycommandcode TPM2_CC_Sign'];
      await expectSignature(withPolicy(steps, commands, ' -p abc'), { password: 'abc' });
    });

    it('for another command is rejected', async () => {
      const step = { command: 0x16c, parameters: Buffer.from('00000177', 'hex') };
      const file = withPolicy([step], ['tpm2_policycommandcode TPM2_CC_Duplicate']);
      await expectRefusal(file, 'TPM_POLICY_UNMET');
    });

    it('whose policy is not in the file is rejected', async () => {
      await expectRefusal(withPolicy(undefined, ['tpm2_policyauthvalue']), 'TPM_POLICY_UNSUPPORTED');
    });

    it.each([
      [0x171, 'PolicyOR'],
      [0x151, 'PolicySecret'],
      [0x16a, 'PolicyAuthorize'],
      [0x999, '0x999'],
    ])('with an unsupported policy is rejected by name: %i', async (command, name) => {
      const file = created('-G ecc256', { policy: [AUTH_VALUE, { command, parameters: Buffer.alloc(4) }] });
      await expect(signed(software, { file })).rejects.toMatchObject({
        code: 'TPM_POLICY_UNSUPPORTED',
        message: expect.stringContaining(name) as string,
      });
    });
  }

  it('that is persistent signs by its handle', async () => {
    software.tools(
      'tpm2_create -C srk.ctx -G rsa2048 -u key.pub -r key.priv -p abc',
      'tpm2_load -C srk.ctx -u key.pub -r key.priv -c key.ctx',
      'tpm2_evictcontrol -C o -c key.ctx 0x81010001',
      'tpm2_readpublic -c 0x81010001 -f pem -o key.pem',
    );
    const publicKey = createPublicKey(readFileSync(software.file('key.pem')));
    const handle = 0x8101_0001;
    expect((await withTpm(software.device, (tpm) => publicKeyAt(tpm, handle))).equals(publicKey)).toBe(true);
    expect(isSigned(publicKey, await signed(software, { handle }, { password: 'abc' }))).toBe(true);
    await expect(signed(software, { handle }, { password: 'abd' })).rejects.toMatchObject({
      code: 'TPM_PASSWORD_WRONG',
    });
    await expect(signed(software, { handle })).rejects.toMatchObject({ code: 'TPM_PASSWORD_MISSING' });
    await expect(signed(software, { handle: 0x8101_0002 })).rejects.toMatchObject({ code: 'TPM_HANDLE_EMPTY' });
    expect(software.leftovers).toBe('');
  });

  it.each([
    ['importable', { oid: '2.23.133.10.1.4' }, 'TPM_KEY_NOT_LOADABLE'],
    ['sealed data', { oid: '2.23.133.10.1.5' }, 'TPM_KEY_NOT_LOADABLE'],
    ['of an unknown type', { oid: '2.23.133.10.1.9' }, 'TPM_KEY_NOT_LOADABLE'],
  ])('in a file that is %s is rejected', async (_, fields, code) => {
    await expectRefusal(created('-G ecc256', fields), code);
  });

  it('signs through a character device', async () => {
    const file = created('-G ecc256 -p abc');
    const script = path.join(import.meta.dirname, 'character-device.py');
    // It ends with its standard input.
    const proxy = spawn('python3', [script, software.device], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(async () => {
      const ended = once(proxy, 'exit');
      proxy.stdin.end();
      await ended;
    });
    const [name] = (await once(proxy.stdout, 'data')) as [Buffer];
    const work = (tpm: Tpm): Promise<Buffer> => signByTpm(tpm, { file }, passwordsOf({ password: 'abc' }), message);
    const signature = await withTpm(name.toString().trim(), work);
    expect(isSigned(publicKeyInFile(file), signature)).toBe(true);
  });

  it('of another TPM is rejected', async () => {
    const another = await SoftwareTpm.start();
    try {
      another.tools(`${genpkey} -algorithm EC -pkeyopt group:P-256 -out key.tss`);
      await expectRefusal(derOf(another.file('key.tss')), 'TPM_KEY_OF_ANOTHER_TPM');
    } finally {
      await another.stop();
    }
  });

  it('is rejected while the TPM is locked out, but one that is not counted signs', async () => {
    const counted = created('-G ecc256 -p abc -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign');
    const free = created(`-G ecc256 -p abc -a ${SIGNS}`);
    software.tools(
      'tpm2_dictionarylockout --clear-lockout',
      'tpm2_dictionarylockout --setup-parameters --max-tries=2 --recovery-time=1000 --lockout-recovery-time=1000',
    );
    try {
      for (let attempt = 0; attempt < 2; attempt += 1)
        await expectRefusal(counted, 'TPM_PASSWORD_WRONG', { password: 'wrong' });
      await expectRefusal(counted, 'TPM_LOCKED_OUT', { password: 'abc' });
      await expectSignature(free, { password: 'abc' });
    } finally {
      software.tools('tpm2_dictionarylockout --clear-lockout');
    }
    await expectSignature(counted, { password: 'abc' });
  });
});

function derOf(path: string): Buffer {
  const [, base64 = ''] = /-----BEGIN TSS2 PRIVATE KEY-----(.*)-----END/s.exec(readFileSync(path, 'utf8')) ?? [];
  return Buffer.from(base64, 'base64');
}
